// A command for `bcl conformance --sign-in`. It signs in by redirects, and prints the cookies of the application.
const login = new URL(process.argv.at(-1)!)
const cookies = new Map<string, string>()
let url = login
for (let step = 0; step < 10; step += 1) {
  const isOwn = url.origin === login.origin
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const response: Response = await fetch(url, { redirect: 'manual', headers: isOwn ? { cookie } : {} })
  if (isOwn) {
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line)!
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
  }
  const location: string | null = response.headers.get('location')
  if (location === null) break
  url = new URL(location, url)
}
for (const [name, value] of cookies) process.stdout.write(`${name}=${value}\n`)
