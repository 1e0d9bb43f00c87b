import { seeOther } from '../../answers.ts'
import { readSession } from '../../session.ts'
import { signOutHere } from '../../sign-out.ts'

export async function POST(request: Request): Promise<Response> {
  return seeOther(await signOutHere(await readSession(request.headers)))
}
