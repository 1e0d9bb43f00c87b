import { createBackchannelLogout } from '@bcl/core'
import { optionsFor } from './options.ts'
import { createSignIn, type Step } from './sign-in.ts'

const goOn = ({ location, cookie }: Step): Response =>
  new Response(null, { status: 303, headers: { location, 'set-cookie': cookie } })

/** An application without a framework. It calls `handle` for the path of the endpoint. */
export function handleApplication(issuer: string): (request: Request) => Promise<Response> {
  const logout = createBackchannelLogout(optionsFor(issuer))
  const signIn = createSignIn(issuer)
  return async (request) => {
    const url = new URL(request.url)
    const cookies = request.headers.get('cookie')
    switch (url.pathname) {
      case '/backchannel-logout':
        return logout.handle(request)
      case '/login':
        return goOn(await signIn.start(url))
      case '/callback':
        return goOn(await signIn.finish(url, cookies))
      case '/me': {
        const session = await signIn.session(cookies)
        const isSignedIn = session !== undefined && !(await logout.isLoggedOut(session))
        return isSignedIn ? Response.json(session) : new Response(null, { status: 401 })
      }
      default:
        return new Response(null, { status: 404 })
    }
  }
}
