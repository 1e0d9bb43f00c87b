import { json, unauthorized } from '../../answers.ts'
import { application } from '../../application.ts'
import { readSession } from '../../session.ts'

const HEARTBEAT_MS = 15_000

const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' }

/** This route is not behind the check. A page that was loaded just before the logout must still receive the event. */
export async function GET(request: Request): Promise<Response> {
  const session = await readSession(request.headers)
  if (!session) return unauthorized()
  const { logout, streams } = await application()
  const close = streams.open(session.claims)
  if (typeof close === 'number') return json({ error: 'too many open streams' }, close)

  let end = () => {}
  const body = new ReadableStream<string>({
    start(controller) {
      let stopWatching: () => void
      try {
        stopWatching = logout.watch(session.claims, () => {
          controller.enqueue(`event: logged-out\ndata: ${JSON.stringify({ at: new Date().toISOString() })}\n\n`)
          end()
          controller.close()
        })
      } catch (error) {
        close() // otherwise this stream still counts as open
        throw error
      }
      const heartbeat = setInterval(() => controller.enqueue(':\n\n'), HEARTBEAT_MS)
      end = () => {
        clearInterval(heartbeat)
        stopWatching()
        close()
      }
      controller.enqueue(':\n\n')
    },
    cancel: () => end(),
  })
  // If the browser has disconnected before the stream begins, Next.js does not cancel the stream.
  request.signal.addEventListener('abort', () => end())
  if (request.signal.aborted) end()
  return new Response(body.pipeThrough(new TextEncoderStream()), { headers })
}

/** Without this function, Next.js answers HEAD with the GET handler. A stream for HEAD would never end. */
export async function HEAD(request: Request): Promise<Response> {
  return (await readSession(request.headers)) ? new Response(null, { headers }) : new Response(null, { status: 401 })
}
