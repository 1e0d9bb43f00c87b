import { createTestTransmitter, type TestTransmitter } from '@bcl/testing'
import { serveProvider, type ServedProvider, type ServeOptions } from '../provider/serve-provider.js'

/** Options of the commands that send security events. */
export interface TransmitterOptions extends ServeOptions {
  /** The `aud` of the tokens. */
  audience: string
  /** The value of the `Authorization` header. */
  authorization: string
}

export interface ServedTransmitter extends ServedProvider {
  transmitter: TestTransmitter
}

/** Starts an OpenID Provider that also transmits security events. Both use the same issuer and key. */
export async function serveTransmitter({ audience, ...options }: TransmitterOptions): Promise<ServedTransmitter> {
  let transmitter: TestTransmitter | undefined
  const isMetadata = (request: Request): boolean =>
    new URL(request.url).pathname.includes('/.well-known/ssf-configuration')
  const served = await serveProvider({
    ...options,
    intercept: async (request) => (transmitter && isMetadata(request) ? transmitter.fetch(request) : undefined),
  })
  const { issuer, key } = served.provider.op
  transmitter = await createTestTransmitter({ issuer, audience, key })
  return { ...served, transmitter }
}

/** Returns the settings for an application that trusts the transmitter, in the form of an `.env` file. */
export const describeTransmitter = (issuer: string, { audience, authorization }: TransmitterOptions): string =>
  `The provider also transmits security events. Configure your receiver with:

SSF_ISSUER=${issuer}
SSF_AUDIENCE=${audience}
SSF_AUTHORIZATION=${authorization}

The metadata is at ${metadataUrl(issuer)}
`

const metadataUrl = (issuer: string): string => {
  const { origin, pathname } = new URL(issuer)
  return `${origin}/.well-known/ssf-configuration${pathname.replace(/\/$/, '')}`
}

/** Makes the request of a push, as a transmitter sends it. */
export const pushOf = (body: string, authorization: string) => ({
  method: 'POST',
  headers: { 'content-type': 'application/secevent+jwt', accept: 'application/json', authorization },
  body,
})
