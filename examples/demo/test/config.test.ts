import { describe, expect, it, vi } from 'vitest'

import { readConfig as readHonoConfig } from '../../hono/src/config.ts'
import { readConfig as readKoaConfig } from '../../koa/src/config.ts'
import { readConfig as readExpressConfig } from '../../express/src/config.ts'
import { readConfig as readFastifyConfig } from '../../fastify/src/config.ts'
import { readConfig as readNestConfig } from '../../nestjs/src/config.ts'
import { readConfig as readNextConfig } from '../../nextjs/src/config.ts'
import { readConfig as readProviderConfig } from '../../provider/src/config.ts'
import { callbackPath } from '../src/example-process.ts'

describe.each([
  { example: 'hono', readConfig: readHonoConfig },
  { example: 'koa', readConfig: readKoaConfig },
  { example: 'nestjs', readConfig: readNestConfig },
  { example: 'express', readConfig: readExpressConfig },
  { example: 'fastify', readConfig: readFastifyConfig },
  { example: 'nextjs', readConfig: readNextConfig },
])('$example', ({ example, readConfig }) => {
  const read = (env: NodeJS.ProcessEnv) => readConfig({ SESSION_SECRET: 'secret', ...env })

  it('uses the example provider if nothing is set', () => {
    const { baseUrl, clientId, clientSecret, issuer } = read({})
    const provider = readProviderConfig({})
    expect(issuer).toBe(provider.issuer)
    expect(provider.clients).toContainEqual(
      expect.objectContaining({
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [baseUrl + callbackPath(example)],
        post_logout_redirect_uris: [`${baseUrl}/`],
        backchannel_logout_uri: `${baseUrl}/backchannel-logout`,
      }),
    )
  })

  it('reads the environment', () => {
    expect(
      read({
        PORT: '8080',
        ISSUER: 'https://api.asgardeo.io/t/acme/oauth2/token',
        CLIENT_ID: 'client',
        CLIENT_SECRET: 'client-secret',
        BASE_URL: 'https://rp.example.com/',
        SESSION_MAX_AGE: '60',
        REDIS_URL: 'redis://127.0.0.1:6379',
        CLIENT_AUTH: 'client_secret_post',
        ISSUER_OPTIONS: '{"requireSid":true}',
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
      clientAuth: 'client_secret_post',
      trusted: {
        issuer: 'https://api.asgardeo.io/t/acme/oauth2/token',
        clientId: 'client',
        clientSecret: 'client-secret',
        requireSid: true,
      },
    })
  })

  it('authenticates by client_secret_basic by default', () => {
    expect(read({}).clientAuth).toBe('client_secret_basic')
  })

  it.each([
    ['a URL', '"https://op.example.com/keys"', new URL('https://op.example.com/keys')],
    ['a JWK Set', '{"keys":[]}', { keys: [] }],
  ])('reads "keys" of ISSUER_OPTIONS: %s', (_, json, keys) => {
    expect(read({ ISSUER_OPTIONS: `{"keys":${json}}` }).trusted.keys).toEqual(keys)
  })

  it('reads every other setting of TrustedIssuer from ISSUER_OPTIONS', () => {
    const settings = {
      algorithms: ['HS256'],
      clientSecret: 'another-secret',
      decryption: {
        keys: [{ kty: 'oct', k: 'AAAAAAAAAAAAAAAAAAAAAA' }],
        alg: ['dir'],
        enc: ['A128GCM'],
        required: true,
      },
      clockTolerance: 5,
      iatSkew: 1,
      maxTokenAge: 60,
      requireExp: false,
      requireTyp: true,
      requireSid: true,
      trustedAudiences: ['other'],
      logoutScope: 'subject',
    }
    expect(read({ ISSUER_OPTIONS: JSON.stringify(settings) }).trusted).toMatchObject(settings)
  })

  it('warns if it uses a random SESSION_SECRET, which differs at each start', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const [first, second] = [readConfig({}), readConfig({})]
    expect(first.sessionSecret).toMatch(/^[\w-]{43}$/)
    expect(second.sessionSecret).not.toBe(first.sessionSecret)
    const warning = 'SESSION_SECRET is not set. The application uses a random secret, so a restart signs everybody out'
    expect(warn.mock.calls).toEqual([[warning], [warning]])
    warn.mockRestore()
  })

  it('an error about a misspelt setting of ISSUER_OPTIONS has the right name', () => {
    expect(() => read({ ISSUER_OPTIONS: '{"requireSID":true}' })).toThrow(
      /^ISSUER_OPTIONS must .*requireSID.*requireSid/,
    )
  })

  it('an error about ISSUER_OPTIONS contains no secret', () => {
    for (const json of ['{"clientSecret":"hush-hush"', '{"clientSecret":"hush-hush","clockTolerance":-1}']) {
      let message = ''
      try {
        read({ ISSUER_OPTIONS: json })
      } catch (error) {
        message = (error as Error).message
      }
      expect(message).toMatch(/^ISSUER_OPTIONS must /)
      expect(message).not.toContain('hush-hush')
    }
  })

  it('without BASE_URL, the base URL is 127.0.0.1 with PORT', () => {
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
    ['SESSION_SECRET', ['']],
    ['CLIENT_AUTH', ['', 'none', 'private_key_jwt']],
    [
      'ISSUER_OPTIONS',
      [
        '',
        'requireSid',
        '[]',
        'null',
        '"requireSid"',
        '{"issuer":"https://op.example.com"}',
        '{"clientId":"client"}',
        '{"requireSid":"yes"}',
        '{"requireSID":true}',
        '{"decryption":{"keys":[{}],"alg":["dir"],"enc":["A128GCM"],"require":true}}',
        '{"keys":"here"}',
        '{"keys":"http://op.example.com/keys"}',
        '{"keys":{}}',
        '{"algorithms":["none"]}',
        '{"clockTolerance":null}',
      ],
    ],
  ])('reports a wrong %s', (name, values) => {
    for (const value of values) expect(() => read({ [name]: value }), value).toThrow(new RegExp(`^${name} must `))
  })
})

it.each([
  ['PORT', ['', '0', '65536', 'port']],
  ['ISSUER', ['', 'op', 'ftp://127.0.0.1', 'https://op.example.com?a', 'https://op.example.com#a']],
  ['CLIENTS', ['', 'none', '{}']],
])('the provider reports a wrong %s', (name, values) => {
  for (const value of values)
    expect(() => readProviderConfig({ [name]: value }), value).toThrow(new RegExp(`^${name} must `))
})

it('the provider knows all six examples, each with its own port', () => {
  const { clients } = readProviderConfig({})
  expect(clients.map(({ client_id, redirect_uris }) => [client_id, ...redirect_uris!])).toEqual([
    ['hono', 'http://127.0.0.1:3001/callback'],
    ['koa', 'http://127.0.0.1:3002/callback'],
    ['nestjs', 'http://127.0.0.1:3003/callback'],
    ['express', 'http://127.0.0.1:3004/callback'],
    ['fastify', 'http://127.0.0.1:3005/callback'],
    ['nextjs', 'http://127.0.0.1:3006/api/auth/callback/oidc'],
  ])
})
