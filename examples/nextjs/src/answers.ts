import { COLOR, LETTER, TITLE } from './look.ts'
import { icon, iconUrl, styleSheet } from './shared/look.ts'

const headers = { 'cache-control': 'no-store' }

export const json = (body: object, status = 200): Response => Response.json(body, { status, headers })

export const unauthorized = (): Response => json({ error: 'not signed in' }, 401)

/** 303, so that the browser does not send its form again to the new address. */
export const seeOther = (location: string): Response =>
  new Response(null, { status: 303, headers: { ...headers, location } })

export const signInFailed = (reason: string, status: number): Response =>
  new Response(
    `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>${TITLE}</title>
    <link rel="icon" href="${iconUrl(COLOR, LETTER)}" />
    <style>${styleSheet(COLOR)}</style>
  </head>
  <body>
    <main>
      <h1>${icon(COLOR, LETTER)} ${TITLE}</h1>
      <div id="status" class="ended" role="alert">
        <p id="state">Signing in did not work</p>
        <p id="explanation">The reason: ${reason}</p>
      </div>
      <div id="actions"><a class="button" href="/login">Try again</a></div>
    </main>
  </body>
</html>`,
    { status, headers: { ...headers, 'content-type': 'text/html; charset=utf-8' } },
  )
