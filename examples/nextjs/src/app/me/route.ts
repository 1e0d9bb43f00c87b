import { json, unauthorized } from '../../answers.ts'
import { activeSession } from '../../session.ts'

export async function GET(request: Request): Promise<Response> {
  const session = await activeSession(request.headers)
  if (!session) return unauthorized()
  const { iss, sub, sid, iat } = session.claims
  return json({ iss, sub, sid: sid ?? null, iat })
}
