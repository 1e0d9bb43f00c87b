import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { conformance, listCases, type ConformanceCommandOptions } from './commands/conformance.js'
import { doctor, type DoctorCommandOptions } from './commands/doctor.js'
import { inspect, type InspectCommandOptions } from './commands/inspect.js'
import type { Output } from './terminal/output.js'
import {
  collect,
  parseAlgorithm,
  parseClaim,
  parsePort,
  parseRedisUrl,
  parseSeconds,
  parseUrl,
} from './commands/arguments.js'
import { Problem, sentence } from './terminal/problem.js'
import { send, type SendCommandOptions } from './commands/send.js'

/** Options of all commands that start a provider. */
const withProvider = (command: Command): Command =>
  command
    .option('--port <port>', 'the port of the provider, on this machine', parsePort, 4000)
    .option('--issuer <url>', 'its issuer, where that is not http://127.0.0.1:<port>', parseUrl)
    .option('--client-id <id>', 'the client that your application is', 'bcl-client')
    .option('--client-secret <secret>', 'its secret', 'bcl-client-secret')

const examples = (...lines: string[]): string => `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`

function addConformance(program: Command, output: Output, exit: (code: number) => void): void {
  withProvider(program.command('conformance'))
    .summary('say whether an endpoint does what it must')
    .description(
      'Starts an OpenID Provider on this machine that your application is to trust, and sends your endpoint what the ' +
        'standards, attackers and real providers send. Exits with 1 when a MUST fails.',
    )
    .argument('[url]', 'your back-channel logout endpoint', parseUrl)
    .option('--login <url>', 'where a browser signs in, by redirects (default: /login beside the endpoint)', parseUrl)
    .option('--me <url>', 'what answers 200 to a browser that is signed in, 401 to others (default: /me)', parseUrl)
    .option('--no-sign-in', 'look at answers alone, not at sessions')
    .option('--only <names>', 'ids or their beginnings, groups, grades or requirements; several with commas', collect)
    .option('--accept-204', 'let 204 pass for 200')
    .option('--list', 'list the cases and run none; with --only, --json too')
    .option('--wait <seconds>', 'how long your application may take to start', parseSeconds, 65)
    .option('--timeout <seconds>', 'how long one answer may take', parseSeconds, 10)
    .option('--json', 'write the results to standard output as JSON, and nothing else')
    .option('--junit <file>', 'write them as JUnit XML')
    .option('--html <file>', 'write them as one page')
    .addHelpText(
      'after',
      examples(
        'bcl conformance http://127.0.0.1:3001/backchannel-logout',
        'bcl conformance http://127.0.0.1:8080/logout --login http://127.0.0.1:8080/signin --me http://127.0.0.1:8080/account',
        'bcl conformance http://127.0.0.1:3001/backchannel-logout --only MUST --junit results.xml',
        'bcl conformance --list',
      ),
    )
    .action(async (url: string | undefined, options: ConformanceCommandOptions & { list?: boolean }) => {
      if (options.list) return listCases(options, output)
      if (url === undefined) {
        throw new Problem('No endpoint was given.', 'Name it: bcl conformance http://127.0.0.1:3001/backchannel-logout')
      }
      exit(await conformance(url, options, output))
    })
}

function addDoctor(program: Command, output: Output, exit: (code: number) => void): void {
  program
    .command('doctor')
    .summary('find out why logouts do not arrive')
    .description(
      'Looks at the provider and at your endpoint from where it runs, and says what to mend. Exits with 1 when it ' +
        'finds a problem. It logs nobody out.',
    )
    .argument('<issuer>', 'the issuer, as your application has it', parseUrl)
    .argument('<client-id>', 'the client_id of your application')
    .argument('<url>', 'your back-channel logout endpoint, as the provider has it', parseUrl)
    .option('--alg <name>', 'the algorithm that the client is registered with', parseAlgorithm, 'RS256')
    .option('--redis <url>', 'look at the eviction policy of this Redis too', parseRedisUrl)
    .option('--json', 'write the findings as JSON')
    .addHelpText(
      'after',
      examples(
        'bcl doctor https://api.asgardeo.io/t/acme/oauth2/token my-client https://app.example.com/backchannel-logout',
        'bcl doctor http://127.0.0.1:3000 hono http://127.0.0.1:3001/backchannel-logout --redis redis://127.0.0.1:6379',
      ),
    )
    .action(async (issuer: string, clientId: string, url: string, options: DoctorCommandOptions) => {
      exit(await doctor(issuer, clientId, url, options, output))
    })
}

function addInspect(program: Command, output: Output, exit: (code: number) => void): void {
  program
    .command('inspect')
    .summary('say what a Logout Token says, and what is wrong with it')
    .description(
      'Reads a Logout Token, from standard input where none is named, so that it stays out of the history of your ' +
        'shell. Nothing is sent but requests for keys. Exits with 1 when something is wrong.',
    )
    .argument('[token]', 'the token')
    .option('--issuer <url>', 'the issuer to expect; its keys are discovered', parseUrl)
    .option('--client-id <id>', 'the client to expect')
    .option('--keys <url or file>', 'a JWK Set to check the signature by')
    .option('--json', 'write it as JSON')
    .addHelpText(
      'after',
      examples(
        'pbpaste | bcl inspect',
        'bcl inspect --issuer https://op.example.com --client-id my-client < token.txt',
        'bcl inspect --keys jwks.json < token.txt',
      ),
    )
    .action(async (token: string | undefined, options: InspectCommandOptions) => {
      exit(await inspect(token, options, output))
    })
}

function addSend(program: Command, output: Output, exit: (code: number) => void): void {
  withProvider(program.command('send'))
    .summary('post one Logout Token of your making')
    .description(
      'Starts an OpenID Provider on this machine that your application is to trust, and posts one token. Exits with 1 ' +
        'when it is refused.',
    )
    .argument('<url>', 'your back-channel logout endpoint', parseUrl)
    .option('--sub <sub>', 'whose sessions to end')
    .option('--sid <sid>', 'which session to end')
    .option('--claim <name=value>', 'another claim, as JSON or text; can be given again', parseClaim)
    .option('--after-sign-in', 'wait for somebody to sign in, and log out that session')
    .option('--wait <seconds>', 'how long your application may take to start', parseSeconds, 60)
    .addHelpText(
      'after',
      examples(
        'bcl send http://127.0.0.1:3001/backchannel-logout --sub alice',
        'bcl send http://127.0.0.1:3001/backchannel-logout --after-sign-in',
        'bcl send http://127.0.0.1:3001/backchannel-logout --sid s-1 --claim \'nonce="x"\'',
      ),
    )
    .action(async (url: string, options: SendCommandOptions) => {
      exit(await send(url, options, output))
    })
}

/** The `bcl` command. `exit` gets the code to end with. */
export function createProgram(output: Output, exit: (code: number) => void): Command {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const program = new Command('bcl')
    .version((JSON.parse(manifest) as { version: string }).version)
    .exitOverride()
    .description('Certify, diagnose and exercise any OpenID Connect back-channel logout endpoint.')
    .configureOutput({
      outputError: (text, write) => write(`${sentence(text.trim().replace(/^error: /, ''))}\n`),
    })
  addConformance(program, output, exit)
  addDoctor(program, output, exit)
  addInspect(program, output, exit)
  addSend(program, output, exit)
  program.showHelpAfterError('See "bcl --help".')
  for (const command of program.commands) command.showHelpAfterError(`See "bcl ${command.name()} --help".`)
  return program
}
