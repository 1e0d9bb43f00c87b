import { MemoryStore, type BackchannelLogoutOptions } from '@bcl/core'

/** The receiver options of each application. */
export const optionsFor = (issuer: string): BackchannelLogoutOptions => ({
  issuers: [{ issuer, clientId: 'test-client' }],
  sessionMaxAge: 3600,
  store: new MemoryStore(),
})
