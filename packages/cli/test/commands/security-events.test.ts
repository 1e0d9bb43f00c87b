import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { createSecurityEventReceiver, type SecurityEvent } from '@bcl/ssf'
import {
  createTestTransmitter,
  securityEventCases,
  securityEventConformanceCases,
  type ConformanceResult,
} from '@bcl/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bcl } from '../bcl.ts'
import { serve } from '../serve.ts'
import { freePorts, startApplication } from '../start-application.ts'

/** Starts a push receiver that trusts `bcl`. `change` changes its answers. */
async function startReceiver(change: (answer: { status: number; body: string }) => object = (answer) => answer) {
  const [port] = (await freePorts(1)) as [number]
  const issuer = `http://127.0.0.1:${port}`
  const logout = createBackchannelLogout({
    issuers: [{ issuer, clientId: 'bcl-client' }],
    sessionMaxAge: 3600,
    store: new MemoryStore(),
  })
  const events: SecurityEvent[] = []
  const { respond } = createSecurityEventReceiver({
    logout,
    transmitters: [{ issuer, audience: 'bcl-receiver', pushAuthorization: 'Bearer bcl-secret' }],
    timeout: 10,
    onEvent: (event) => void events.push(event),
  })
  const url = await serve(async (request, response) => {
    const { method = '', headers } = request
    const { authorization, 'content-type': contentType } = headers
    const answer = { ...(await respond({ method, contentType, authorization, body: request })) }
    Object.assign(answer, change(answer))
    response.writeHead(answer.status, answer.headers).end(answer.body)
  })
  return { url: `${url}/security-events`, port: String(port), events }
}

describe('bcl send --event', () => {
  test.each<[string[], object]>([
    [['session-revoked'], { ended: 'all', subject: { format: 'iss_sub', sub: 'alice' } }],
    [['session-revoked', '--sid', 's-1', '--sub', 'bob'], { ended: 'session', subject: { session: { id: 's-1' } } }],
    [['session-revoked', '--sid', 's-1'], { ended: 'session', subject: { format: 'complex', session: { id: 's-1' } } }],
    [
      ['account-disabled', '--sid', 's-1', '--sub', 'bob'],
      { ended: 'all', subject: { format: 'iss_sub', sub: 'bob' } },
    ],
    [['credential-change', '--claim', 'txn=t-1'], { ended: 'nothing', claims: { txn: 't-1' } }],
    [['https://example.com/event'], { ended: 'nothing', type: 'https://example.com/event' }],
  ])('%j', async (args, event) => {
    const { url, port, events } = await startReceiver()
    const { code, out, err } = await bcl(['send', url, '--port', port, '--event', ...args])
    expect([code, out]).toEqual([0, expect.stringMatching(/^202 Accepted\n/)])
    expect(events).toMatchObject([event])
    expect(err).toMatch(/^SSF_AUTHORIZATION=Bearer bcl-secret$/m)
  })

  test('shows the answer to a token that is refused', async () => {
    const { url, port } = await startReceiver()
    const args = ['send', url, '--port', port, '--event', 'session-revoked']
    const wrongAudience = await bcl([...args, '--audience', 'other'])
    expect(wrongAudience).toMatchObject({ code: 1, out: expect.stringContaining('"err":"invalid_audience"') })
    const wrongAuthorization = await bcl([...args, '--authorization', 'Bearer x'])
    expect(wrongAuthorization).toMatchObject({ code: 1, out: expect.stringMatching(/^401 /) })
  })

  test.each(['sesion-revoked', 'constructor'])('for the unknown event name %s, lists the events', async (name) => {
    const { code, err } = await bcl(['send', 'http://127.0.0.1:1/', '--event', name])
    expect(code).toBe(2)
    expect(err.split('\n')[0]).toBe(`No event is named ${name}.`)
    expect(err).toContain('session-revoked,')
  })
})

describe('bcl inspect', async () => {
  const transmitter = await createTestTransmitter()
  const subject = { format: 'iss_sub', iss: 'https://op.example.com', sub: 'alice' }
  test.each<[string, object, object, RegExp[], number]>([
    ['session-revoked', {}, {}, [/session-revoked" ends all sessions of its user\./, /✓ The header and the claims/], 0],
    [
      'one session',
      { sub_id: { format: 'complex', user: subject, session: { format: 'opaque', id: 's-1' } } },
      {},
      [/session-revoked" ends the session that it names\./],
      0,
    ],
    [
      'an email address',
      { sub_id: { format: 'email', email: 'a@b.example' } },
      {},
      [/ends nothing: .* resolveSubject\./],
      0,
    ],
    ['no subject', { sub_id: undefined }, {}, [/✗ .*sub_id.*\n {2}Only the transmitter/], 1],
    ['two faults', { jti: undefined }, { typ: 'JWT' }, [/✗ "typ" is "JWT"/, /✗ .*jti/], 1],
    ['typ JWT', {}, { typ: 'JWT' }, [/Accepted with: requireTyp: false/, /Configure: { requireTyp: false }/], 1],
    ['too old', { iat: 1 }, {}, [/✗ .*iat/, /1970-01-01/], 1],
    ['an empty iss', { iss: '' }, {}, [/✗ .*iss/], 1],
    ['an iss that is no text', { iss: { toString: 1 } }, {}, [/✗ .*iss/], 1],
    ['a typ that is no text', {}, { typ: { toString: 1 } }, [/✗ "typ" is {"toString":1}/], 1],
  ])('%s', async (_, claims, header, patterns, wanted) => {
    const { code, out } = await bcl(['inspect'], await transmitter.set(claims, header))
    for (const pattern of patterns) expect(out).toMatch(pattern)
    expect(code).toBe(wanted)
  })

  test('checks the signature with the keys of the transmitter', async () => {
    const keys = await serve((_, response) => void response.end(JSON.stringify(transmitter.op.jwks)))
    const args = ['inspect', '--json', '--keys', keys]
    expect(JSON.parse((await bcl(args, await transmitter.set())).out)).toMatchObject({
      signature: 'good',
      findings: [],
    })
    const unsigned = (alg: unknown): string =>
      [
        { alg, typ: 'secevent+jwt' },
        { iss: transmitter.issuer, aud: 'x', iat: 1 },
      ]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.')
    for (const alg of ['none', 'HS256', { toString: 1 }]) {
      const { code, out } = await bcl(args, `${unsigned(alg)}.`)
      expect(JSON.parse(out)).toMatchObject({ signature: 'unchecked', settings: {} })
      expect(code).toBe(1)
    }
    const forged = await (await createTestTransmitter()).set()
    expect(JSON.parse((await bcl(args, forged)).out)).toMatchObject({ signature: 'bad' })
  })
})

describe('bcl conformance --ssf', () => {
  async function certify({ url, port }: { url: string; port: string }, ...args: string[]) {
    const { code, out } = await bcl(['conformance', '--ssf', url, '--port', port, '--json', ...args])
    const { results } = JSON.parse(out) as { results: ConformanceResult[] }
    return { code, results, failed: results.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id) }
  }

  test('@bcl/ssf passes all cases; without a sign-in, the cases about sessions are skipped', async () => {
    const { code, results } = await certify(await startReceiver())
    const skipped = results.filter(({ outcome }) => outcome !== 'passed')
    expect(new Set(skipped.map(({ outcome, group }) => `${outcome}, ${group}`))).toEqual(new Set(['skipped, session']))
    expect(results).toHaveLength(securityEventConformanceCases.length)
    expect(code).toBe(0)
  })

  test.each(['hono', 'express'])('examples/%s passes all cases with sign-ins', { timeout: 240_000 }, async (name) => {
    const [port] = (await freePorts(1)) as [number]
    const issuer = `http://127.0.0.1:${port}`
    const env = { SSF_ISSUER: issuer, SSF_AUDIENCE: 'bcl-receiver', SSF_AUTHORIZATION: 'Bearer bcl-secret' }
    const application = await startApplication(`examples/${name}`, { issuer, env })
    onTestFinished(() => application.stop())
    const { code, results } = await certify({ url: `${application.origin}/security-events`, port: String(port) })
    expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([])
    expect(results).toHaveLength(securityEventConformanceCases.length)
    expect(code).toBe(0)
  })

  test('a receiver that answers 200 fails each right token', async () => {
    const { code, failed } = await certify(await startReceiver(({ status }) => (status === 202 ? { status: 200 } : {})))
    const right = securityEventCases.filter(({ status }) => status === 202)
    expect(failed).toEqual(right.map(({ id }) => `ssf/${id}`))
    expect(code).toBe(1)
  })

  test('a receiver that accepts everything fails each wrong token', async () => {
    const receiver = await startReceiver(() => ({ status: 202, body: '' }))
    const { failed, results } = await certify(receiver, '--only', 'refuse')
    expect(failed).toHaveLength(results.length)
    expect(results.every(({ fault }) => fault === 'accepted')).toBe(true)
  })

  test('an answer without an err of RFC 8935 fails', async () => {
    const receiver = await startReceiver(({ status }) => (status === 400 ? { body: '{"err":"wrong"}' } : {}))
    const { failed } = await certify(receiver, '--only', 'SE-2,SE-3')
    expect(failed).toEqual([
      'ssf/another-issuer',
      'ssf/another-audience',
      'ssf/no-audience',
      'ssf/an-unknown-kid',
      'ssf/a-key-of-another',
      'ssf/the-err-names-the-fault',
    ])
  })

  test('an answer with another err of RFC 8935 fails only the case about the choice of the err', async () => {
    const receiver = await startReceiver(({ status }) => (status === 400 ? { body: '{"err":"invalid_request"}' } : {}))
    const { code, failed } = await certify(receiver)
    expect(failed).toEqual(['ssf/the-err-names-the-fault'])
    expect(code).toBe(0)
  })

  test('lists its cases, and refuses an unknown name', async () => {
    const { out } = await bcl(['conformance', '--ssf', '--list', '--only', 'request'])
    expect(out.split('\n')).toContain('ssf/another-method hardening, SE-1: a push: another method')
    expect((await bcl(['conformance', '--ssf', '--list', '--only', 'none'])).code).toBe(2)
  })
})

describe('bcl doctor --ssf', () => {
  const secret = { SSF_CLIENT_SECRET: 'secret' }
  /** Starts a transmitter with one stream. */
  async function startTransmitter(fault?: Awaited<ReturnType<typeof createTestTransmitter>>['fault']) {
    const issuer: string = await serve(async (request, response) => {
      const chunks: Uint8Array[] = []
      for await (const chunk of request) chunks.push(chunk as Uint8Array)
      const { method = 'GET', headers } = request
      const body = method === 'GET' ? null : Buffer.concat(chunks)
      const { fetch } = await transmitter
      const sent = { 'content-type': headers['content-type'] ?? '', authorization: headers.authorization ?? '' }
      const answer = await fetch(issuer + request.url, { method, headers: sent, body })
      response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
    })
    const transmitter = createTestTransmitter({ issuer })
    const { fetch, accessToken, streams } = await transmitter
    const delivery = { method: 'urn:ietf:rfc:8936' }
    const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' }
    await fetch(`${issuer}/streams`, { method: 'POST', headers, body: JSON.stringify({ delivery }) })
    const [stream] = [...streams.values()]
    ;(await transmitter).fault = fault
    return { issuer, stream: stream! }
  }
  async function doctor(issuer: string, args: string[] = [], env?: Record<string, string>) {
    const run = ['doctor', issuer, 'client', `${issuer}/none`, '--json', '--ssf', issuer, ...args]
    const { out, err, code } = await bcl(run, '', env)
    if (!out) return { code, err, whats: [] }
    const { findings } = JSON.parse(out) as { findings: { level: string; what: string }[] }
    const start = findings.findIndex(({ what }) => what.includes('of the transmitter'))
    return { code, err, whats: findings.slice(start).map(({ level, what }) => `${level}: ${what}`) }
  }

  test('checks the metadata and the keys', async () => {
    const { issuer } = await startTransmitter()
    expect((await doctor(issuer)).whats).toEqual([
      `good: The metadata of the transmitter is at ${issuer}/.well-known/ssf-configuration.`,
      'good: The metadata of the transmitter names the same issuer.',
      `good: The JWK Set at ${issuer}/jwks has a key for RS256.`,
    ])
  })

  test('checks the stream, and asks for a verification event', async () => {
    const { issuer, stream } = await startTransmitter()
    const args = ['--ssf-stream', stream.stream_id, '--ssf-client', 'receiver']
    const right = await doctor(issuer, [...args, '--ssf-audience', stream.aud], secret)
    expect(right.whats.slice(3)).toEqual([
      `good: The audience of the stream is "${stream.aud}".`,
      'good: The stream is enabled.',
      expect.stringContaining('good: The transmitter sends a verification event'),
    ])
    expect([...stream.waiting]).toHaveLength(1)
    const wrong = await doctor(issuer, [...args, '--ssf-audience', 'other'], secret)
    expect(wrong.whats[3]).toBe(`problem: The audience of the stream is "${stream.aud}", not "other".`)
    stream.status = 'paused'
    expect((await doctor(issuer, args, secret)).whats[4]).toBe('problem: The stream is paused, so no event is sent.')
    expect([...stream.waiting]).toHaveLength(1)
  })

  test('says why the stream or the metadata cannot be read', async () => {
    const { issuer } = await startTransmitter()
    const { whats } = await doctor(issuer, ['--ssf-stream', 'none', '--ssf-client', 'receiver'], secret)
    expect(whats[3]).toBe('problem: The stream cannot be read: the status 404.')
    const page = await startTransmitter(({ url }) => (url.includes('/streams') ? new Response('<html>') : undefined))
    expect((await doctor(page.issuer, ['--ssf-stream', 'x', '--ssf-client', 'receiver'], secret)).whats[3]).toMatch(
      /^problem: The stream cannot be read: GET .*: no JSON object\.$/,
    )
    const silent = await startTransmitter(() => new Response(null, { status: 500 }))
    expect((await doctor(silent.issuer)).whats[0]).toMatch(
      /^problem: The metadata of the transmitter cannot be fetched/,
    )
    const other = await startTransmitter(({ url }) =>
      url.includes('ssf-configuration')
        ? Response.json({ issuer: 'https://other.example', jwks_uri: `${url}/x` })
        : undefined,
    )
    expect((await doctor(other.issuer)).whats[1]).toMatch(/^problem: .* names the issuer "https:\/\/other\.example"/)
  })

  test('an incomplete set of settings is an error', async () => {
    const { issuer } = await startTransmitter()
    const { code, err } = await doctor(issuer, ['--ssf-stream', 'x'])
    expect([code, err]).toEqual([2, expect.stringContaining('SSF_CLIENT_SECRET')])
  })
})
