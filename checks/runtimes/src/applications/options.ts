import { MemoryStore, type BackchannelLogoutOptions } from '@bcl/core'

/** How every application receives logouts. */
export const optionsFor = (issuer: string): BackchannelLogoutOptions => ({
  issuers: [{ issuer, clientId: 'test-client' }],
  sessionMaxAge: 3600,
  store: new MemoryStore(),
})
