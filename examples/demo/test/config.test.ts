import { describe, expect, it } from 'vitest'

import { readConfig as readHonoConfig } from '../../hono/src/config.ts'
import { readConfig as readKoaConfig } from '../../koa/src/config.ts'
import { readConfig as readNestConfig } from '../../nestjs/src/config.ts'
import { readConfig as readProviderConfig } from '../../provider/src/config.ts'

describe.each([
  { example: 'hono', readConfig: readHonoConfig },
  { example: 'koa', readConfig: readKoaConfig },
  { example: 'nestjs', readConfig: readNestConfig },
])('$example', ({ example, readConfig }) => {
  const read = (env: NodeJS.ProcessEnv) => readConfig({ SESSION_SECRET: 'secret', ...env })

  it('fits the example provider when nothing is set', () => {
    const { baseUrl, clientId, clientSecret, issuer } = read({})
    const provider = readProviderConfig({})
    expect(issuer).toBe(provider.issuer)
    expect(provider.clients).toContainEqual(
      expect.objectContaining({
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [`${baseUrl}/callback`],
        post_logout_redirect_uris: [`${baseUrl}/`],
        backchannel_logout_uri: `${baseUrl}/backchannel-logout`,
      }),
    )
  })

  it('reads what is set', () => {
    expect(
      read({
        PORT: '8080',
        ISSUER: 'https://api.asgardeo.io/t/acme/oauth2/token',
        CLIENT_ID: 'client',
        CLIENT_SECRET: 'client-secret',
        BASE_URL: 'https://rp.example.com/',
        SESSION_MAX_AGE: '60',
        REDIS_URL: 'redis://127.0.0.1:6379',
      }),
    ).toEqual({
      port: 8080,
      issuer: 'https://api.asgardeo.io/t/acme/oauth2/token',
      clientId: 'client',
      clientSecret: 'client-secret',
      baseUrl: 'https://rp.example.com',
      sessionSecret: 'secret',
      sessionMaxAge: 60,
      redisUrl: 'redis://127.0.0.1:6379',
    })
  })

  it('is at its port of this machine when no BASE_URL is set', () => {
    expect(read({ PORT: '8080' }).baseUrl).toBe('http://127.0.0.1:8080')
  })

  it.each([
    ['PORT', ['', '0', '-1', '1.5', '65536', example]],
    [
      'ISSUER',
      [
        '',
        example,
        'http://op.example.com',
        'ftp://127.0.0.1',
        'https://op.example.com?a',
        'https://op.example.com#a',
        ' https://op.example.com',
      ],
    ],
    ['CLIENT_ID', ['']],
    ['CLIENT_SECRET', ['']],
    ['BASE_URL', ['', example, 'http://rp.example.com', 'https://rp.example.com/path', 'https://rp.example.com?a']],
    ['SESSION_MAX_AGE', ['', '0', '-1', '1.5', '1e9', 'Infinity', 'long']],
    ['REDIS_URL', ['here', 'http://127.0.0.1:6379']],
  ])('says that a wrong %s is wrong', (name, values) => {
    for (const value of values) expect(() => read({ [name]: value }), value).toThrow(new RegExp(`^${name} must `))
  })
})

it.each([
  ['PORT', ['', '0', '65536', 'port']],
  ['ISSUER', ['', 'op', 'ftp://127.0.0.1', 'https://op.example.com?a', 'https://op.example.com#a']],
  ['CLIENTS', ['', 'none', '{}']],
])('the provider says that a wrong %s is wrong', (name, values) => {
  for (const value of values)
    expect(() => readProviderConfig({ [name]: value }), value).toThrow(new RegExp(`^${name} must `))
})
