import { testAdapter } from '@bcl/testing'
import { describe, test } from 'vitest'

describe('handle', () =>
  testAdapter(
    test,
    (logout) => ({ fetch: (path, init) => logout.handle(new Request(`https://app.example${path}`, init)) }),
    { endpointOnly: true },
  ))
