import { Reflector } from '@nestjs/core'

export { SetMetadata } from '@nestjs/common'

const reflector = new Reflector()

/** Returns the metadata of the first target that has any, or undefined. */
export const metadataOf = <T>(key: string, ...targets: Parameters<Reflector['get']>[1][]): T | undefined =>
  reflector.getAllAndOverride<T | undefined>(key, targets)
