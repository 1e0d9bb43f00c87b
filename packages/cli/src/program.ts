import { readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import {
  collect,
  parseAlgorithm,
  parseClaim,
  parseCookie,
  parseKeyAlgorithm,
  parsePort,
  parseRedisUrl,
  parseSeconds,
  parseUrl,
} from './commands/arguments.js'
import { applyConfig } from './commands/config-file.js'
import type { ConformanceCommandOptions } from './commands/conformance.js'
import type { DoctorCommandOptions } from './commands/doctor.js'
import type { InspectCommandOptions } from './commands/inspect.js'
import type { SendCommandOptions } from './commands/send.js'
import type { ServeOptions } from './provider/serve-provider.js'
import { CommandError, toSentence } from './terminal/command-error.js'
import type { Output } from './terminal/output.js'

/** A function that sets the exit code. */
type Exit = (code: number) => void

/** Adds the options of all commands that start a provider. */
const withProviderOptions = (command: Command): Command =>
  command
    .option('--port <port>', 'the port of the provider on this machine', parsePort, 4000)
    .option('--host <address>', 'the address that the provider listens on, such as 0.0.0.0 for containers', '127.0.0.1')
    .option(
      '--issuer <url>',
      'the issuer of the provider (default: http://<host>:<port>, or https://<host>:<port> with --tls)',
      parseUrl,
    )
    .option('--tls', 'serve https, with a certificate of a CA that your application must trust')
    .option('--alg <name>', 'the algorithm of the tokens', parseKeyAlgorithm, 'RS256')
    .option('--client-id <id>', 'the client_id of your application', 'bcl-client')
    .option('--client-secret <secret>', 'the client secret of your application', 'bcl-client-secret')

/** Adds the options of the commands that send security events. */
const withTransmitterOptions = (command: Command): Command =>
  command
    .option('--audience <aud>', 'the aud of security events', 'bcl-receiver')
    .option('--authorization <value>', 'the Authorization header of security events', 'Bearer bcl-secret')

const examples = (...lines: string[]): string => `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`

/** Matches the error for a wrong value of an option whose value is secret. The error repeats the value. */
const secretValue = /^(option '--(?:redis|cookie) [^']*') argument '.*' (is invalid\.)/s

const errorText = (text: string): string =>
  `${toSentence(
    text
      .trim()
      .replace(/^error: /, '')
      .replace(secretValue, '$1 $2'),
  )}\n`

/** Returns the endpoint from the command line or from the configuration file. */
function endpointOf(argument: string | undefined, command: Command): string {
  const url: unknown = argument ?? command.getOptionValue('url')
  if (typeof url === 'string' && URL.canParse(url)) return url
  const remedy = `Pass its address: bcl ${command.name()} http://127.0.0.1:3001/backchannel-logout`
  throw new CommandError('No endpoint was given.', remedy)
}

function addConformance(program: Command, output: Output, exit: Exit): void {
  withTransmitterOptions(withProviderOptions(program.command('conformance')))
    .summary('check whether an endpoint follows the standards')
    .description(
      'Starts an OpenID Provider on this machine. Your application must trust this provider. Tests your endpoint with the ' +
        'rules of the standards, with known attacks, and with tokens of real providers. Exits with 1 if a MUST case fails.',
    )
    .argument('[url]', 'your back-channel logout endpoint', parseUrl)
    .option(
      '--login <url>',
      'the address where a browser signs in by redirects (default: /login on the host of the endpoint)',
      parseUrl,
    )
    .option(
      '--me <url>',
      'the address that answers 200 to a signed-in browser and 401 to others (default: /me)',
      parseUrl,
    )
    .option(
      '--sign-in <command>',
      'for a sign-in that needs more than redirects: a command that signs in and prints cookies as name=value',
    )
    .option('--no-sign-in', 'check only the answers, not the sessions')
    .addOption(
      new Option('--cookie <name=value>', 'a cookie of an existing session; needs --sub; can be repeated')
        .argParser(parseCookie)
        .conflicts(['login', 'signIn']),
    )
    .option('--sub <sub>', 'the user of the session in --cookie')
    .option('--sid <sid>', 'the sid of the session in --cookie')
    .option('--only <names>', 'ids, beginnings of ids, groups, grades or requirements, separated by commas', collect)
    .option('--accept-204', 'count the answer 204 as 200')
    .option('--require-sid', 'send a sid in every valid token, as if backchannel_logout_session_required is registered')
    .option('--ssf', 'the endpoint receives security events by push (Shared Signals): send Security Event Tokens')
    .option('--list', 'list the cases but do not run them; works with --only and --json')
    .option('--wait <seconds>', 'how long to wait until your application has started', parseSeconds, 65)
    .option('--timeout <seconds>', 'the longest time for one answer', parseSeconds, 10)
    .option('--json', 'write only the results, as JSON, to standard output')
    .option('--junit <file>', 'write the results as JUnit XML')
    .option('--html <file>', 'write the results as an HTML page')
    .addHelpText(
      'after',
      examples(
        'bcl conformance http://127.0.0.1:3001/backchannel-logout',
        'bcl conformance http://127.0.0.1:8080/logout --login http://127.0.0.1:8080/signin --me http://127.0.0.1:8080/account',
        'bcl conformance http://127.0.0.1:3001/backchannel-logout --only MUST --junit results.xml',
        'bcl conformance http://127.0.0.1:8080/logout --me http://127.0.0.1:8080/account --sign-in "node sign-in.js"',
        'bcl conformance http://127.0.0.1:8080/logout --me http://127.0.0.1:8080/account --cookie session=abc --sub alice --sid s-1',
        'bcl conformance --ssf http://127.0.0.1:3001/security-events',
        'bcl conformance --list',
      ),
    )
    .action(
      async (
        argument: string | undefined,
        options: ConformanceCommandOptions & { list?: boolean },
        command: Command,
      ) => {
        const { conformance, listCases } = await import('./commands/conformance.js')
        if (options.list) return listCases(options, output)
        exit(await conformance(endpointOf(argument, command), command.opts(), output))
      },
    )
}

function addDoctor(program: Command, output: Output, exit: Exit): void {
  program
    .command('doctor')
    .summary('find out why logouts do not arrive')
    .description(
      'Checks the provider and your endpoint from this machine, and shows how to correct each problem. Logs nobody out. ' +
        'Exits with 1 if there is a problem.',
    )
    .argument('<issuer>', 'the issuer in the settings of your application', parseUrl)
    .argument('<client-id>', 'the client_id of your application')
    .argument('<url>', 'your back-channel logout endpoint, as registered at the provider', parseUrl)
    .option('--alg <name>', 'the algorithm that the client is registered with', parseAlgorithm, 'RS256')
    .option('--ssf <issuer>', 'also check this transmitter of security events', parseUrl)
    .option('--ssf-audience <aud>', 'the audience in the settings of your receiver')
    .option('--ssf-stream <id>', 'the stream to check; the command requests one verification event')
    .option('--ssf-client <id>', 'the client that manages the stream; its secret is in SSF_CLIENT_SECRET')
    .option('--redis <url>', 'also check the eviction policy of this Redis', parseRedisUrl)
    .option('--json', 'write the findings as JSON')
    .addHelpText(
      'after',
      examples(
        'bcl doctor https://api.asgardeo.io/t/acme/oauth2/token my-client https://app.example.com/backchannel-logout',
        'bcl doctor http://127.0.0.1:3000 hono http://127.0.0.1:3001/backchannel-logout --redis redis://127.0.0.1:6379',
        'bcl doctor -- https://op.example.com -client-id-with-a-minus https://app.example.com/backchannel-logout',
      ),
    )
    .configureOutput({
      outputError: (text, write) => {
        const option = /^error: unknown option '([^']+)'\s*$/.exec(text)?.[1]
        write(errorText(text))
        if (option !== undefined)
          write(`If this is your client_id, write -- before the arguments: bcl doctor -- <issuer> ${option} <url>\n`)
      },
    })
    .action(async (issuer: string, clientId: string, url: string, options: DoctorCommandOptions) => {
      const { doctor } = await import('./commands/doctor.js')
      exit(await doctor({ issuer, clientId, url, ...options }, output))
    })
}

function addInspect(program: Command, output: Output, exit: Exit): void {
  program
    .command('inspect')
    .summary('show a Logout Token or a Security Event Token, and its faults')
    .description(
      'Decodes a Logout Token or a Security Event Token. Without an argument, reads the token from standard input. Then the ' +
        'token does not appear in the history of your shell. Sends no request, except to fetch keys. Exits with 1 if the token has a fault.',
    )
    .argument('[token]', 'the token')
    .option('--issuer <url>', 'the expected issuer; its keys are fetched by discovery', parseUrl)
    .option('--client-id <id>', 'the expected client; for a security event, the expected audience')
    .option('--keys <url or file>', 'the JWK Set that checks the signature')
    .option('--key <file>', 'the private key (JWK) that decrypts an encrypted token')
    .option('--json', 'write the result as JSON')
    .addHelpText(
      'after',
      examples(
        'pbpaste | bcl inspect',
        'bcl inspect --issuer https://op.example.com --client-id my-client < token.txt',
        'bcl inspect --keys jwks.json < token.txt',
      ),
    )
    .action(async (token: string | undefined, options: InspectCommandOptions) => {
      const { inspect } = await import('./commands/inspect.js')
      exit(await inspect(token, options, output))
    })
}

function addSend(program: Command, output: Output, exit: Exit): void {
  withTransmitterOptions(withProviderOptions(program.command('send')))
    .summary('post one Logout Token with your claims')
    .description(
      'Starts an OpenID Provider on this machine, and posts one Logout Token. Your application must trust this provider. ' +
        'Exits with 1 if the endpoint refuses the token, or if the session at --me is still live.',
    )
    .argument('<url>', 'your back-channel logout endpoint', parseUrl)
    .option('--event <name>', 'post a Security Event Token with this event, such as session-revoked or a URI')
    .option('--sub <sub>', 'the user whose sessions end')
    .option('--sid <sid>', 'the session that ends')
    .option('--claim <name=value>', 'another claim, as JSON or text; can be repeated', parseClaim)
    .option(
      '--me <url>',
      'the address that answers 200 to a signed-in browser; the command checks that the session ends',
      parseUrl,
    )
    .option('--login <url>', 'the address where a browser signs in by redirects, for --me (default: /login)', parseUrl)
    .option('--cookie <name=value>', 'a cookie of an existing session, for --me; can be repeated', parseCookie)
    .option('--after-sign-in', 'wait until a user signs in, and log out that session')
    .option('--wait <seconds>', 'how long to wait until your application has started', parseSeconds, 60)
    .addHelpText(
      'after',
      examples(
        'bcl send http://127.0.0.1:3001/backchannel-logout --sub alice',
        'bcl send http://127.0.0.1:3001/backchannel-logout --me http://127.0.0.1:3001/me',
        'bcl send http://127.0.0.1:3001/security-events --event account-disabled --me http://127.0.0.1:3001/me',
        'bcl send http://127.0.0.1:3001/backchannel-logout --after-sign-in',
        'bcl send http://127.0.0.1:3001/backchannel-logout --sid s-1 --claim \'nonce="x"\'',
      ),
    )
    .action(async (url: string, options: SendCommandOptions) => {
      const { send } = await import('./commands/send.js')
      exit(await send(url, options, output))
    })
}

function addProvider(program: Command, output: Output): void {
  withProviderOptions(program.command('provider'))
    .summary('run an OpenID Provider for development')
    .description(
      'Starts an OpenID Provider on this machine. Your application must trust this provider. You can sign in with any name, ' +
        'without a password. On the page of the provider, you can end one session or all sessions of a user. The page shows each Logout Token and ' +
        'the answer of your endpoint.',
    )
    .argument('[url]', 'your back-channel logout endpoint', parseUrl)
    .addHelpText(
      'after',
      examples(
        'bcl provider http://127.0.0.1:3001/backchannel-logout',
        'bcl provider http://app:3001/backchannel-logout --host 0.0.0.0 --issuer http://host.docker.internal:4000',
      ),
    )
    .action(async (argument: string | undefined, _options: ServeOptions, command: Command) => {
      const { provider } = await import('./commands/provider.js')
      return provider(endpointOf(argument, command), command.opts(), output)
    })
}

/** Creates the command `bcl`. Each command loads its modules when it runs, so that the help and error messages appear quickly. */
export function createProgram(output: Output, exit: Exit): Command {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const program = new Command('bcl')
    .version((JSON.parse(manifest) as { version: string }).version)
    .exitOverride()
    .description('Tests and diagnoses OpenID Connect back-channel logout. Works with an endpoint in any language.')
    .configureOutput({
      outputError: (text, write) => write(errorText(text)),
    })
  addConformance(program, output, exit)
  addDoctor(program, output, exit)
  addInspect(program, output, exit)
  addSend(program, output, exit)
  addProvider(program, output)
  program.hook('preAction', (_, command) => applyConfig(command))
  program.showHelpAfterError('See "bcl --help".')
  for (const command of program.commands) command.showHelpAfterError(`See "bcl ${command.name()} --help".`)
  return program
}
