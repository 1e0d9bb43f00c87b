import type { SessionClaims } from '@bcl/core'

declare global {
  namespace App {
    interface Locals {
      claims?: SessionClaims
    }
  }
}
export {}
