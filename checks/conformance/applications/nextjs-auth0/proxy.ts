import { auth0 } from './auth0.ts'

export const proxy = (request: Request): Promise<Response> => auth0.middleware(request)

export const config = {
  matcher: ['/((?!_next/static|_next/image|favicon.ico|sitemap.xml|robots.txt).*)'],
}
