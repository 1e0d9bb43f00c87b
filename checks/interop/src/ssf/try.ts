import { startKeycloakTransmitter } from './keycloak-transmitter.ts'
import { createStreamClient } from '../../../../packages/ssf/dist/index.js'
const kc = await startKeycloakTransmitter()
console.log(kc.issuer)
try {
  console.log(JSON.stringify(await (await fetch(kc.issuer + '/.well-known/ssf-configuration')).json(), null, 1))
  const url = 'http://127.0.0.1:9/x'
  const clientSecret = await kc.registerReceiver('receiver', url)
  const client = createStreamClient({
    transmitter: kc.issuer,
    clientCredentials: { clientId: 'receiver', clientSecret },
  })
  const stream = await client.createStream({
    delivery: { method: 'urn:ietf:rfc:8935', endpoint_url: url, authorization_header: 'Bearer x' },
    events_requested: [
      'https://schemas.openid.net/secevent/caep/event-type/session-revoked',
      'https://schemas.openid.net/secevent/caep/event-type/credential-change',
    ],
  })
  console.log(stream)
} catch (e) {
  console.log(e)
}
await new Promise((r) => setTimeout(r, 600_000))
await kc.stop()
