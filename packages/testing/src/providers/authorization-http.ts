import { base64url } from 'jose'

// Functions for the endpoints of an authorization server. They read requests and make the answers to a browser.

/** Headers of a page that a browser must not store. */
export const pageHeaders = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

const isForm = (request: Request): boolean =>
  /^application\/x-www-form-urlencoded/i.test(request.headers.get('content-type') ?? '')

/** Reads the parameters from the form of a POST. For any other request, reads the query string. */
export async function readParameters(request: Request): Promise<URLSearchParams> {
  return request.method === 'POST' && isForm(request)
    ? new URLSearchParams(await request.text())
    : new URL(request.url).searchParams
}

export function readCookie(request: Request, name: string): string | undefined {
  const pairs = (request.headers.get('cookie') ?? '').split(/;\s*/)
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}

/** Reads the client_id and the secret of a request with `client_secret_basic` or `client_secret_post`. */
export function readCredentials(request: Request, form: URLSearchParams): (string | null)[] {
  const basic = /^Basic (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
  if (basic === undefined) return [form.get('client_id'), form.get('client_secret')]
  return atob(basic)
    .split(':')
    .map((part) => decodeURIComponent(part.replaceAll('+', ' ')))
}

export const readBearerToken = (request: Request): string =>
  /^Bearer (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? ''

/** Computes the S256 code challenge of a verifier (RFC 7636, 4.2). */
export async function codeChallengeOf(verifier: string): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))))
}

/** Computes the c_hash of a code (OpenID Connect Core, 3.3.2.11) for algorithms with SHA-256. */
export async function halfHashOf(code: string): Promise<string> {
  return base64url.encode(
    new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(code))).slice(0, 16),
  )
}

export const errorResponse = (error: string, status = 400): Response =>
  Response.json({ error }, { status, headers: { 'cache-control': 'no-store' } })

/** Makes a page with a form that submits itself to an address. */
function formPost(action: string, fields: URLSearchParams, cookie?: string): Response {
  const inputs = [...fields].map(
    ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}"/>`,
  )
  const form = `<form method="post" action="${escapeHtml(action)}">${inputs.join('')}</form>`
  const headers = { ...pageHeaders, ...(cookie && { 'set-cookie': cookie }) }
  return new Response(`<!doctype html>${form}<script>document.forms[0].submit()</script>`, { headers })
}

const seeOther = (location: string, cookie?: string): Response =>
  new Response(null, { status: 303, headers: { location, ...(cookie && { 'set-cookie': cookie }) } })

/** Redirects the browser to an address with the given parameters, and sets a cookie if there is one. */
export function redirect(address: string, parameters: URLSearchParams, cookie?: string): Response {
  const url = new URL(address)
  for (const [name, value] of parameters) url.searchParams.append(name, value)
  return seeOther(url.href, cookie)
}

/** Sends the browser back to the client with the given `response_mode`. */
export function sendToClient(mode: string, address: string, parameters: URLSearchParams, cookie?: string): Response {
  if (mode === 'form_post') return formPost(address, parameters, cookie)
  if (mode === 'fragment') return seeOther(`${address}#${parameters}`, cookie)
  return redirect(address, parameters, cookie)
}
