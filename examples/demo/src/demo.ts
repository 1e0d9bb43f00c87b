import { parseArgs } from 'node:util'

import { buildExamples } from './build-examples.ts'
import { nextSecond } from './clock.ts'
import { startDemoPage } from './demo-page.ts'
import { createDevice, type Device } from './device.ts'
import { freePorts } from './free-ports.ts'
import { failure, formatAnswer, formatMe, heading, line, printLogoutToken, success, table } from './print.ts'
import type { Delivery } from './provider-client.ts'
import { type App, type AppOptions, type Stack, startStack } from './stack.ts'

const APPS: AppOptions[] = [{ example: 'hono', securityEvents: true }, { example: 'koa' }, { example: 'nestjs' }]
const ALL_APPS: AppOptions[] = [
  ...APPS,
  { example: 'express', securityEvents: true },
  { example: 'fastify' },
  { example: 'nextjs' },
]
const USER = 'alice'

interface Expected {
  signedIn: Device[]
  signedOut: Device[]
}

// The exit handlers stop the child processes. A signal alone does not call these handlers.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))

try {
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({ options: { serve: flag, all: flag, build: flag } })
  const apps = values.all ? ALL_APPS : APPS
  if (values.build) await buildExamples(apps.map(({ example }) => example))
  const [port] = (await freePorts(1)) as [number]
  heading('Starting the provider and the applications')
  const stack = await startStack(apps, {
    providerEnv: { DEMO_URL: `http://127.0.0.1:${port}/` },
    onReady: (name, url) => line(`${name.padEnd(8)}  ${url}`),
  })
  try {
    await show(stack)
    if (values.serve || (process.stdin.isTTY && process.stdout.isTTY)) await serve(stack, port)
  } finally {
    await stack.stop()
  }
} catch (error) {
  failure(describe(error))
  process.exitCode = 1
}

async function show({ provider, apps }: Stack): Promise<void> {
  const laptop = createDevice('laptop')
  const phone = createDevice('phone')
  const showMe = (expected: Expected) => showAndCheckMe(apps, expected)

  heading(`${USER} signs in on two devices`)
  for (const device of [laptop, phone]) for (const app of apps) await device.signIn(app, USER)
  await showMe({ signedIn: [laptop, phone], signedOut: [] })
  const oldLaptop = createDevice("laptop's old cookie", laptop.browser.copy())

  heading("The provider ends the laptop's session")
  const { sid } = (await laptop.me(apps[0]!)).body
  const sessions = await provider.sessionsOf(USER)
  const onLaptop = sessions.find(({ clients }) => clients.some((client) => client.sid === sid))
  check(onLaptop !== undefined, "The provider does not list the laptop's session.")
  const deliveries = await provider.endSession(onLaptop.uid)
  showAndCheckDeliveries(deliveries, apps.length)
  printLogoutToken(deliveries[0]!)
  await showMe({ signedIn: [phone], signedOut: [laptop] })

  heading(`${USER} signs in on the laptop again`)
  line('in a later second, because a sign-in in the same second as a logout counts as logged out')
  await nextSecond()
  for (const app of apps) await laptop.signIn(app, USER)
  await showMe({ signedIn: [laptop, phone], signedOut: [oldLaptop] })

  heading(`The provider ends all sessions of ${USER}`)
  showAndCheckDeliveries(await provider.endSessionsOf(USER), 2 * apps.length)
  await showMe({ signedIn: [], signedOut: [laptop, phone, oldLaptop] })

  success('Each session was signed in or signed out, as expected.')
}

/** Prints `/me` of each device at each application. Stops the demo if an answer is wrong. */
async function showAndCheckMe(apps: readonly App[], { signedIn, signedOut }: Expected): Promise<void> {
  const rows = [
    ...(await askMe(apps, signedIn, { state: 'signed in', status: 200 })),
    ...(await askMe(apps, signedOut, { state: 'signed out', status: 401 })),
  ]
  table(rows.map(({ app, device, me }) => [`/me  ${app.clientId}, ${device.name}`, formatMe(me)]))
  for (const { app, device, me, state, status } of rows) {
    const place = `${USER} should be ${state} at ${app.clientId} (${device.name})`
    check(me.status === status, `${place}, but /me answers ${me.status}, not ${status}.`)
  }
}

function askMe<T>(apps: readonly App[], devices: readonly Device[], expected: T) {
  const places = devices.flatMap((device) => apps.map((app) => ({ device, app })))
  return Promise.all(places.map(async (place) => ({ ...place, ...expected, me: await place.device.me(place.app) })))
}

function showAndCheckDeliveries(deliveries: readonly Delivery[], count: number): void {
  const rows = deliveries.toSorted((a, b) => a.client_id.localeCompare(b.client_id))
  table(rows.map((delivery) => [`Logout Token to ${delivery.client_id}`, formatAnswer(delivery)]))
  check(
    deliveries.length === count,
    `The provider should have sent ${count} Logout Tokens, but it sent ${deliveries.length}.`,
  )
  for (const { client_id, status, error } of deliveries) {
    check(
      status === 200,
      `${client_id} should have answered 200 to the Logout Token, but its answer was: ${status ?? error}.`,
    )
  }
}

function check(condition: boolean, complaint: string): asserts condition {
  if (!condition) throw new Error(complaint)
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

async function serve({ provider, apps }: Stack, port: number): Promise<void> {
  const page = await startDemoPage(port, provider.url, apps)
  heading('Everything keeps running until Ctrl-C')
  table([
    ...apps.map(({ clientId, url }) => [`sign in, ${clientId}`, url] as const),
    ['end sessions', `${provider.url}/sessions`],
  ])
  success(`Open http://127.0.0.1:${port}/ to see everything on one page.`)
  await new Promise((resolve) => {
    process.removeAllListeners('SIGINT').once('SIGINT', resolve)
  })
  page.stop()
}
