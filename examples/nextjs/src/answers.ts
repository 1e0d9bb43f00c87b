const headers = { 'cache-control': 'no-store' }

export const json = (body: object, status = 200): Response => Response.json(body, { status, headers })

export const unauthorized = (): Response => json({ error: 'not signed in' }, 401)

/** 303, because the browser must not send its form on. */
export const seeOther = (location: string): Response =>
  new Response(null, { status: 303, headers: { ...headers, location } })

export const signInFailed = (reason: string, status: number): Response =>
  new Response(
    `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>Next.js example</title>
  </head>
  <body>
    <p>Signing in did not work</p>
    <p>The reason: ${reason}</p>
    <a href="/login">Try again</a>
  </body>
</html>`,
    { status, headers: { ...headers, 'content-type': 'text/html; charset=utf-8' } },
  )
