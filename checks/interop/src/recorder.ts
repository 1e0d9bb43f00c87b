import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { startLoopbackServer } from './loopback-server.ts'

/** A request of the provider with a Logout Token, and the status of the answer. */
export interface Delivery {
  application: string
  httpVersion: string
  /** The names and values of the headers in turn, in the order of the request. */
  rawHeaders: readonly string[]
  logoutToken: string
  status: number
}

const redirectTarget = 'redirect-target'

/** Starts a server between the provider and the applications. It records each Logout Token with its request. */
export async function startRecorder() {
  const targets = new Map<string, string>()
  let deliveries: Delivery[] = []
  let onDelivery = () => {}
  let followed = 0
  let fixedStatus: number | undefined

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const application = request.url!.slice(1)
    const body = await buffer(request)
    if (application === redirectTarget) {
      followed++
      return void response.writeHead(200).end()
    }
    const headers = Object.fromEntries(
      Object.entries(request.headers).filter(([name]) => !['host', 'connection', 'content-length'].includes(name)),
    ) as Record<string, string>
    const method = request.method!
    const answer =
      fixedStatus === undefined
        ? await fetch(targets.get(application)!, {
            method,
            headers,
            ...(method !== 'GET' && method !== 'HEAD' && { body: new Uint8Array(body) }),
          })
        : new Response(null, { status: fixedStatus, headers: { location: `/${redirectTarget}` } })
    const text = await answer.text()
    const logoutToken = new URLSearchParams(body.toString()).get('logout_token')
    if (logoutToken !== null) {
      const { httpVersion, rawHeaders } = request
      deliveries.push({ application, httpVersion, rawHeaders, logoutToken, status: answer.status })
      onDelivery()
    }
    // The headers about the encoding are left out, because fetch has decoded the body.
    const kept = [...answer.headers].filter(([name]) => !/^(content-(encoding|length)|transfer-encoding)$/.test(name))
    response.writeHead(answer.status, Object.fromEntries(kept)).end(text)
  }

  const { url, stop } = await startLoopbackServer(handle)

  return {
    /** Returns the address to register for an application. */
    urlFor(application: string, target: string): string {
      targets.set(application, target)
      return `${url}/${application}`
    },
    /** Runs an action, and waits until at least `count` Logout Tokens have arrived. Returns all tokens that arrived. */
    async during(action: () => Promise<unknown>, count: number): Promise<readonly Delivery[]> {
      deliveries = []
      followed = 0
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      onDelivery = () => deliveries.length >= count && resolve()
      await action()
      // A provider may send in the background. No event shows that the provider sends nothing. So this function waits
      // for a second.
      if (count === 0) await delay(1000)
      onDelivery()
      const complain = () => reject(new Error(`${deliveries.length} of ${count} Logout Tokens arrived`))
      const patience = setTimeout(complain, 30_000)
      await promise.finally(() => clearTimeout(patience))
      // No event shows that a provider does not retry or follow a redirect, so this function waits for a second.
      if (fixedStatus !== undefined) await delay(1000)
      return deliveries
    },
    /** Answers every Logout Token with this status from now on. Without a status, the applications answer. */
    answerWith(status: number | undefined): void {
      fixedStatus = status
    },
    /** The number of requests to the target of a redirect since the last action began. */
    followed: () => followed,
    stop,
  }
}

export type Recorder = Awaited<ReturnType<typeof startRecorder>>
