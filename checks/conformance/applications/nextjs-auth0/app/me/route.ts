import { auth0 } from '../../auth0.ts'

export async function GET(): Promise<Response> {
  return new Response(null, { status: (await auth0.getSession()) ? 200 : 401 })
}
