import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { createTestKey, createTestProvider, runConformance } from '@bcl/testing'
import { expect, test } from 'vitest'

test.each(['ES256', 'PS256', 'EdDSA', 'ES384'])(
  'an endpoint for %s passes all cases',
  { timeout: 60_000 },
  async (alg) => {
    const provider = await createTestProvider({ key: await createTestKey(alg, 'key-1') })
    const logout = createBackchannelLogout({
      issuers: [provider.trusted],
      sessionMaxAge: 3600,
      store: new MemoryStore(),
    })
    const results = await runConformance((url, init) => logout.handle(new Request(url, init)), {
      provider,
      endpoint: 'https://app.example.com/backchannel-logout',
    })
    expect(results.filter(({ outcome }) => outcome === 'failed').map(({ id, got }) => `${id}: ${got}`)).toEqual([])
  },
)
