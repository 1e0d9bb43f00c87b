import type { BackchannelLogout } from '@bcl/core'
import { InjectBackchannelLogout } from '@bcl/nestjs'
import { Injectable, type OnModuleDestroy } from '@nestjs/common'

import { createReadiness, type Readiness } from './shared/readiness.ts'

/** Fetches the provider's keys in the background, and tells whether they were fetched at least once. */
@Injectable()
export class ProviderKeys implements OnModuleDestroy {
  readonly #readiness: Readiness

  constructor(@InjectBackchannelLogout() logout: BackchannelLogout) {
    this.#readiness = createReadiness(logout)
  }

  areReady(): boolean {
    return this.#readiness.isReady()
  }

  onModuleDestroy(): void {
    this.#readiness.stop()
  }
}
