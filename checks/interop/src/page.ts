import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Provider } from './provider.ts'
import { providers } from './providers/providers.ts'
import type { Result } from './scenario.ts'
import { transmitterSection } from './ssf/page-section.ts'
import type { TransmitterResult } from './ssf/run.ts'
import { tokenBlocks } from './token-blocks.ts'

const folder = new URL('../results/', import.meta.url)
const page = new URL('../../../docs/interop.md', import.meta.url)

type Run = Provider & Result

/** The name of Keycloak's transmitter on the command line. */
export const transmitterKey = 'keycloak-ssf'

/** Keeps the result of one provider, and writes docs/interop.md from the results of all providers. */
export function keepResult(key: string, result: Result | TransmitterResult): void {
  writeFileSync(fileOf(key), `${JSON.stringify(result, undefined, 2)}\n`)
  const runs = Object.entries(providers)
    .filter(([name]) => existsSync(fileOf(name)))
    .map(([name, provider]) => ({ ...provider, ...(JSON.parse(readFileSync(fileOf(name), 'utf8')) as Result) }))
  writeFileSync(page, pageOf(runs))
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  execFileSync('oxfmt', ['--write', fileURLToPath(folder), fileURLToPath(page)], { cwd: root, stdio: 'inherit' })
}

const transmitter = (): string =>
  existsSync(fileOf(transmitterKey))
    ? transmitterSection(JSON.parse(readFileSync(fileOf(transmitterKey), 'utf8')) as TransmitterResult)
    : ''

const fileOf = (key: string): URL => new URL(`${key}.json`, folder)

const pageOf = (runs: readonly Run[]): string => `# Real providers

The examples were tested with the providers in this table. \`pnpm interop --write\` repeats the tests and writes this page.
[Providers](providers.md) shows the settings of each provider.

| provider | version | date | settings of the issuer | examples |
| --- | --- | --- | --- | --- |
${runs.map(rowOf).join('\n')}

LemonLDAP::NG and Glewlwyd need a machine whose \`apt\` has a Debian mirror. Keycloak needs Java and Maven.

Each test starts the provider, the examples and Redis ${versionsOf(runs)} on one machine. The examples use no SQL database.
[Stores](stores.md) names the databases that the tests of the stores ran on. Each example has two instances, which share the store.
A user signs in to all examples on two devices. The test checks these rules:

- When the provider ends the session of one device, both instances of every example sign the device out.
- Every example also refuses a copy of the device's cookies that was made before the logout.
- The other device stays signed in.
- When the provider ends all sessions of the user, every example signs out both devices.
- Every example answers 200 to every Logout Token.
- The Logout Tokens have the \`typ\`, the lifetime and the \`aud\` that [Providers](providers.md) describes. The same is true for the number of
  different \`sid\` values.
- If the endpoint answers 500 or a redirect, the provider sends no second Logout Token within a second.
- \`bcl doctor\` finds no problem. For the Logout Token, \`bcl inspect\` shows the settings of the table.

${runs.map(sectionOf).join('\n')}
${transmitter()}## The conformance suite of the OpenID Foundation

On 28 November 2026, the Hono, Koa and NestJS examples were tested by hand with version 5.2.4 of the OpenID Foundation's conformance
suite. The test plan was \`oidcc-client-back-channel-logout-rp-basic\`. The plan was run over http, over https, and with Redis. All 8 modules passed
for each example. \`express-openid-connect\` 3.4 passed 7 of the 8 modules.

This was a test, not a certification.

For the suite, keep \`requireTyp\` at its default. The valid token of the suite has no \`typ\`, so \`requireTyp: true\` refuses it.
`

const settingsOf = (settings: object): string => {
  const texts = Object.entries(settings).map(
    ([name, value]) => `${name}: ${JSON.stringify(value).replaceAll('"', "'")}`,
  )
  return texts.length === 0 ? 'none' : `\`${texts.join(', ')}\``
}

const versionsOf = (runs: readonly Run[]): string => [...new Set(runs.map(({ redis }) => redis))].join(', ')

const rowOf = ({ name, version, date, settings, examples }: Run): string =>
  `| ${name} | ${version} | ${date} | ${settingsOf(settings)} | ${examples.join(', ')} |`

const casesOf = (cases: Result['cases']): string =>
  cases.length === 0
    ? ''
    : `
There are more cases. In each case, a user is signed in to two applications, on a laptop and on a phone:

| what happens | Logout Tokens | still signed in |
| --- | --- | --- |
${cases.map(({ name, tokens, signedIn }) => `| ${name} | ${tokens} | ${signedIn} |`).join('\n')}
`

const statementsOf = (statements: Result['statements']): string =>
  statements.length === 0
    ? ''
    : `
The test also checks these statements:

${statements.map((text) => `- ${text}`).join('\n')}
`

const sectionOf = ({ name, how, header, claims, request, cases, statements }: Run): string => `## ${name}

${how.map((sentence) => `- ${sentence}`).join('\n')}
${statementsOf(statements)}${casesOf(cases)}
This is the first request of the test, with the header and the claims of its Logout Token:

\`\`\`
${request.join('\n')}
\`\`\`

${tokenBlocks({ header, claims })}`
