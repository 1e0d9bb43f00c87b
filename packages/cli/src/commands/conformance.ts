import {
  EndpointError,
  runConformance,
  securityEventConformanceCases,
  selectConformanceCases,
  SignInError,
  type ConformanceCase,
  type ExistingSession,
  type SignInContract,
} from '@bcl/testing'
import { reasonOf } from '../network/reason-of.js'
import { sendAsWritten } from '../network/send-as-written.js'
import { waitFor } from '../network/wait-for.js'
import { createSignIn } from '../network/create-sign-in.js'
import { describeProvider, serveProvider } from '../provider/serve-provider.js'
import { formatHead, formatResult } from '../report/text.js'
import { requireWritable, writeReports } from '../report/write-reports.js'
import { describeTransmitter, serveTransmitter, type TransmitterOptions } from '../security-events/serve-transmitter.js'
import { CommandError, toSentence } from '../terminal/command-error.js'
import type { Channel, Output } from '../terminal/output.js'

/** Seconds. After a key change, the applications that we know fetch the keys again within this time. */
const maxKeyAge = 65

export interface ConformanceCommandOptions extends TransmitterOptions {
  /** Whether the endpoint receives Security Event Tokens by push. */
  ssf?: boolean
  login?: string
  me?: string
  /** `false` means no sign-in. A text is the command that signs in. In the configuration file, the command can be an array. */
  signIn?: boolean | string | string[]
  /** The cookies of an existing session, each as `name=value`. */
  cookie?: string[]
  /** The user of the existing session. */
  sub?: string
  sid?: string
  only?: string[]
  accept204?: boolean
  requireSid?: boolean
  /** Seconds to wait for the application to start. */
  wait: number
  /** The time-out for one answer, in seconds. */
  timeout: number
  json?: boolean
  junit?: string
  html?: string
}

function selectCases({ only, ssf }: Pick<ConformanceCommandOptions, 'only' | 'ssf'>): readonly ConformanceCase[] {
  try {
    return selectConformanceCases(only, ssf ? securityEventConformanceCases : undefined)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const list = `bcl conformance ${ssf ? '--ssf ' : ''}--list`
    const remedy = `Use ids, beginnings of ids, groups, grades or requirements. "${list}" shows them.`
    throw new CommandError(toSentence(error.message), remedy)
  }
}

/** Lists the cases, one per line. Does not run them. */
export function listCases(options: Pick<ConformanceCommandOptions, 'only' | 'ssf' | 'json'>, { out }: Output): void {
  const cases = selectCases(options)
  if (options.json) return out.write(JSON.stringify({ cases }, undefined, 2))
  for (const { id, grade, title, requirement } of cases) {
    out.write(`${id} ${out.style('dim', `${grade}, ${requirement}:`)} ${title}`)
  }
}

/**
 * Returns the sign-in addresses: from the options, or `/login` and `/me` on the host of the endpoint. Prints a message and
 * returns `undefined` if the options have no address and `/login` does not redirect.
 *
 * @throws {CommandError} if the sign-in address answers with 5xx.
 */
async function findSignIn(
  url: string,
  { signIn, login, me }: ConformanceCommandOptions,
  { write }: Channel,
): Promise<SignInContract | undefined> {
  if (signIn === false) return undefined
  const contract = { login: login ?? new URL('/login', url).href, me: me ?? new URL('/me', url).href }
  if (typeof signIn === 'string') return { ...contract, run: createSignIn(signIn.trim().split(/\s+/)) }
  if (Array.isArray(signIn)) return { ...contract, run: createSignIn(signIn) }
  const failure = await sendAsWritten(contract.login, { signal: AbortSignal.timeout(10_000) }).then(({ status }) => {
    if (status >= 500) {
      const remedy = 'Read the log of your application. Check that it uses the settings above.'
      throw new CommandError(`${contract.login} answers ${status}, so nobody can sign in.`, remedy)
    }
    return status >= 300 && status < 400 ? undefined : `answered ${status}, no redirect`
  }, reasonOf)
  if (failure === undefined || login !== undefined || me !== undefined) return contract
  write(`${contract.login} does not lead to a sign-in (${failure}). The cases about sessions are skipped.`)
  write('Pass the addresses with --login and --me, pass a command with --sign-in, or pass --no-sign-in.\n')
  return undefined
}

/**
 * Returns the existing session, or `undefined` without `--cookie`.
 *
 * @throws {CommandError} if `--sub` is missing, because the Logout Tokens of the cases name the user.
 */
function existingSession(
  url: string,
  { cookie, sub, sid, me }: ConformanceCommandOptions,
): ExistingSession | undefined {
  if (cookie === undefined) return undefined
  if (sub === undefined) {
    const remedy = 'Pass the sub of its ID Token with --sub, and the sid, if there is one, with --sid.'
    throw new CommandError('The session of --cookie needs a user.', remedy)
  }
  return { me: me ?? new URL('/me', url).href, cookies: cookie, sub, sid }
}

/** Runs the conformance cases and reports the results. Returns the exit code. The exit code is 1 if a MUST case failed. */
export async function conformance(url: string, options: ConformanceCommandOptions, output: Output): Promise<number> {
  const { ssf, authorization, only, accept204, requireSid, timeout, json } = options
  const selected = selectCases(options)
  const session = existingSession(url, options)
  await requireWritable(options)
  const { transmitter, ...served } = ssf
    ? await serveTransmitter(options)
    : { ...(await serveProvider(options)), transmitter: undefined }
  const { provider, close } = served
  try {
    // With --json, standard output contains only JSON.
    const channel = json ? output.notes : output.out
    channel.write(describeProvider(served, ssf ? undefined : url, requireSid))
    if (transmitter) channel.write(describeTransmitter(transmitter.issuer, options))
    await waitFor(url, options.wait, () => channel.write(`Waiting at most ${options.wait} s for ${url} ...`))
    const signIn = session ? undefined : await findSignIn(url, options, channel)
    if (!signIn && selected.every(({ needs }) => needs === 'sign-in')) {
      const remedy = 'Pass the addresses with --login and --me, or a command with --sign-in.'
      throw new CommandError('All selected cases need a sign-in, and there is none.', remedy)
    }
    if (!json) channel.write(formatHead(channel))
    let finished = 0
    const results = await runConformance(sendAsWritten, {
      provider,
      endpoint: url,
      signIn,
      session,
      securityEvents: transmitter && { transmitter, authorization },
      only,
      accept204,
      requireSid,
      timeout,
      patience: Math.min(options.wait, maxKeyAge),
      onWait: () =>
        channel.write('The application refuses a valid token. It may have the keys of an earlier run. Waiting ...'),
      onProgress: ({ id }) => output.progress(`${finished} of ${selected.length} done: ${id}`),
      onResult(result) {
        finished += 1
        if (!json) channel.write(formatResult(result, channel))
      },
    })
    return await writeReports(url, results, options, output, channel)
  } catch (error) {
    if (error instanceof EndpointError) {
      const remedy =
        'Read the log of your application. Check that it uses the settings above, and that it reaches the issuer.'
      throw new CommandError(toSentence(error.message), remedy)
    }
    if (!(error instanceof SignInError)) throw error
    const remedy = session
      ? 'Copy the cookies of a browser that is signed in with the settings above. With --me, pass the address that answers 200 only to a signed-in browser.'
      : 'Check that your application uses the settings above. Pass its addresses with --login and --me, or pass --no-sign-in.'
    throw new CommandError(toSentence(error.message), remedy)
  } finally {
    await close()
  }
}
