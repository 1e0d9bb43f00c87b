import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import {
  collect,
  parseAlgorithm,
  parseClaim,
  parsePort,
  parseRedisUrl,
  parseSeconds,
  parseUrl,
} from './commands/arguments.js'
import { conformance, listCases, type ConformanceCommandOptions } from './commands/conformance.js'
import { doctor, type DoctorCommandOptions } from './commands/doctor.js'
import { inspect, type InspectCommandOptions } from './commands/inspect.js'
import { send, type SendCommandOptions } from './commands/send.js'
import { CommandError, toSentence } from './terminal/command-error.js'
import type { Output } from './terminal/output.js'

/** Sets the exit code. */
type Exit = (code: number) => void

/** Adds the options of the commands that start a provider. */
const withProviderOptions = (command: Command): Command =>
  command
    .option('--port <port>', 'the port of the provider on this machine', parsePort, 4000)
    .option('--issuer <url>', 'the issuer of the provider (default: http://127.0.0.1:<port>)', parseUrl)
    .option('--client-id <id>', 'the client_id of your application', 'bcl-client')
    .option('--client-secret <secret>', 'the client secret of your application', 'bcl-client-secret')

const examples = (...lines: string[]): string => `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`

function addConformance(program: Command, output: Output, exit: Exit): void {
  withProviderOptions(program.command('conformance'))
    .summary('check whether an endpoint follows the standards')
    .description(
      'Starts an OpenID Provider on this machine, which your application must trust. Sends your endpoint what the ' +
        'standards, attackers and real providers send. Exits with 1 if a MUST case fails.',
    )
    .argument('[url]', 'your back-channel logout endpoint', parseUrl)
    .option('--login <url>', 'where a browser signs in by redirects (default: /login beside the endpoint)', parseUrl)
    .option('--me <url>', 'answers 200 to a signed-in browser, 401 to others (default: /me)', parseUrl)
    .option('--no-sign-in', 'check only the answers, not the sessions')
    .option('--only <names>', 'ids or their beginnings, groups, grades or requirements, with commas', collect)
    .option('--accept-204', 'count the answer 204 as 200')
    .option('--list', 'list the cases and run none; works with --only and --json')
    .option('--wait <seconds>', 'how long your application may take to start', parseSeconds, 65)
    .option('--timeout <seconds>', 'how long one answer may take', parseSeconds, 10)
    .option('--json', 'write the results as JSON to standard output, and nothing else')
    .option('--junit <file>', 'write the results as JUnit XML')
    .option('--html <file>', 'write the results as an HTML page')
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
        const remedy = 'Pass its address: bcl conformance http://127.0.0.1:3001/backchannel-logout'
        throw new CommandError('No endpoint was given.', remedy)
      }
      exit(await conformance(url, options, output))
    })
}

function addDoctor(program: Command, output: Output, exit: Exit): void {
  program
    .command('doctor')
    .summary('find out why logouts do not arrive')
    .description(
      'Checks the provider and your endpoint from this machine, and says how to correct each problem. Logs nobody out. ' +
        'Exits with 1 if there is a problem.',
    )
    .argument('<issuer>', 'the issuer that your application is configured with', parseUrl)
    .argument('<client-id>', 'the client_id of your application')
    .argument('<url>', 'your back-channel logout endpoint, as registered at the provider', parseUrl)
    .option('--alg <name>', 'the algorithm that the client is registered with', parseAlgorithm, 'RS256')
    .option('--redis <url>', 'also check the eviction policy of this Redis', parseRedisUrl)
    .option('--json', 'write the findings as JSON')
    .addHelpText(
      'after',
      examples(
        'bcl doctor https://api.asgardeo.io/t/acme/oauth2/token my-client https://app.example.com/backchannel-logout',
        'bcl doctor http://127.0.0.1:3000 hono http://127.0.0.1:3001/backchannel-logout --redis redis://127.0.0.1:6379',
      ),
    )
    .action(async (issuer: string, clientId: string, url: string, options: DoctorCommandOptions) => {
      exit(await doctor({ issuer, clientId, url, ...options }, output))
    })
}

function addInspect(program: Command, output: Output, exit: Exit): void {
  program
    .command('inspect')
    .summary('show a Logout Token and its faults')
    .description(
      'Decodes a Logout Token. Without an argument, reads it from standard input, so that it stays out of the history of ' +
        'your shell. Sends no request, except to fetch keys. Exits with 1 if the token has a fault.',
    )
    .argument('[token]', 'the token')
    .option('--issuer <url>', 'the issuer that the token should have; its keys are discovered', parseUrl)
    .option('--client-id <id>', 'the client that the token should be for')
    .option('--keys <url or file>', 'a JWK Set with which to check the signature')
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
      exit(await inspect(token, options, output))
    })
}

function addSend(program: Command, output: Output, exit: Exit): void {
  withProviderOptions(program.command('send'))
    .summary('post one Logout Token with your claims')
    .description(
      'Starts an OpenID Provider on this machine, which your application must trust, and posts one Logout Token. ' +
        'Exits with 1 if the endpoint refuses the token.',
    )
    .argument('<url>', 'your back-channel logout endpoint', parseUrl)
    .option('--sub <sub>', 'the user whose sessions end')
    .option('--sid <sid>', 'the session that ends')
    .option('--claim <name=value>', 'another claim, as JSON or text; can be repeated', parseClaim)
    .option('--after-sign-in', 'wait until a user signs in, and log out that session')
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

/** Creates the command `bcl`. */
export function createProgram(output: Output, exit: Exit): Command {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const program = new Command('bcl')
    .version((JSON.parse(manifest) as { version: string }).version)
    .exitOverride()
    .description('Certify, diagnose and exercise any OpenID Connect back-channel logout endpoint.')
    .configureOutput({
      outputError: (text, write) => write(`${toSentence(text.trim().replace(/^error: /, ''))}\n`),
    })
  addConformance(program, output, exit)
  addDoctor(program, output, exit)
  addInspect(program, output, exit)
  addSend(program, output, exit)
  program.showHelpAfterError('See "bcl --help".')
  for (const command of program.commands) command.showHelpAfterError(`See "bcl ${command.name()} --help".`)
  return program
}
