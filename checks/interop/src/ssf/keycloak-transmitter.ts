import { freePorts } from '../../../../examples/demo/src/free-ports.ts'
import { installKeycloak } from '../install-keycloak.ts'
import { createAdmin, realm, startKeycloak } from '../providers/keycloak.ts'

/** The time between two rounds of Keycloak's push, in milliseconds. */
const drainerInterval = 200

export type KeycloakTransmitter = Awaited<ReturnType<typeof startKeycloakTransmitter>>

/** Starts Keycloak with its Shared Signals transmitter, an experimental feature of Keycloak 26.7. */
export async function startKeycloakTransmitter() {
  const home = installKeycloak()
  const [port, managementPort] = (await freePorts(2)) as [number, number]
  const url = `http://127.0.0.1:${port}`
  const stop = await startKeycloak(home, port, managementPort, [
    '--features=ssf',
    '--spi-ssf-transmitter--default--allow-insecure-push-targets=true',
    `--spi-ssf-transmitter--default--outbox-drainer-interval=${drainerInterval}ms`,
  ])
  try {
    const admin = createAdmin(url)
    const attributes = { 'ssf.transmitterEnabled': 'true' }
    await admin.call('POST', '', { realm, enabled: true, attributes }, '/admin/realms')
    return { ...(await manage(url)), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Returns functions that change the settings and users of a running Keycloak. */
export async function manage(url: string) {
  const admin = createAdmin(url)
  const scopes = (await admin.call('GET', '/client-scopes')) as { id: string; name: string }[]
  return {
    ...admin,
    version: await admin.version(),
    issuer: `${url}/realms/${realm}`,
    drainerInterval,
    /** Registers a client for sign-in. It has no back-channel logout URL, so only security events can end its sessions. */
    async registerApplication(clientId: string, origin: string): Promise<string> {
      const secret = `secret-of-${clientId}`
      await admin.call('POST', '/clients', {
        clientId,
        secret,
        redirectUris: [`${origin}/callback`],
        frontchannelLogout: false,
        attributes: { 'post.logout.redirect.uris': `${origin}/` },
      })
      return secret
    },
    /** Registers a client that manages a stream. */
    async registerReceiver(clientId: string, pushUrl?: string): Promise<string> {
      const clientSecret = `secret-of-${clientId}`
      await admin.call('POST', '/clients', {
        clientId,
        secret: clientSecret,
        serviceAccountsEnabled: true,
        standardFlowEnabled: false,
        attributes: {
          'ssf.enabled': 'true',
          'ssf.defaultSubjects': 'ALL',
          ...(pushUrl && { 'ssf.validPushUrls': pushUrl }),
        },
      })
      const [client] = (await admin.call('GET', `/clients?clientId=${clientId}`)) as { id: string }[]
      for (const { id, name } of scopes) {
        if (!name.startsWith('ssf.')) continue
        await admin.call('PUT', `/clients/${client!.id}/optional-client-scopes/${id}`)
      }
      return clientSecret
    },
  }
}
