import { application } from '../../application.ts'

export const dynamic = 'force-dynamic'

export async function GET(): Promise<Response> {
  const { readiness } = await application()
  return readiness.isReady() ? new Response('ok') : new Response('no keys of the provider yet', { status: 503 })
}
