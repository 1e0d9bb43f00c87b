import type { CaseResult } from './cases.ts'
import type { TransmitterResult } from './run.ts'
import { tokenBlocks } from '../token-blocks.ts'

const rowOf = (push: CaseResult, poll: CaseResult | undefined): string => {
  const times = [push, poll].map((result) => (result?.ms === undefined ? '' : `${result.ms} ms`))
  return `| ${push.name} | ${push.events} | ${push.signedIn} | ${times.join(' | ')} |`
}

/** Makes the section of docs/interop.md with the results of a run of Keycloak's transmitter. */
export const transmitterSection = ({
  version,
  date,
  drainerInterval,
  push,
  poll,
  header,
  claims,
}: TransmitterResult) => `## Shared Signals transmitter of Keycloak

Keycloak ${version} was tested on ${date} with \`--features=ssf\`. Two instances of the Express example shared one Redis.

- With push, Keycloak sent the events to the first instance. Keycloak looked for new events every ${drainerInterval} ms.
- With poll, a separate process asked Keycloak for events every 200 ms, and wrote to the same Redis.
- The applications had no back-channel logout URL, so only security events could end a session.
- In each case, a user is signed in on a laptop and on a phone.
- The times start at Keycloak's answer to the action. They end when both instances have signed the laptop out. If the stream was paused,
  the action is the call that enables the stream again.

| what happens | events | still signed in | push | poll |
| --- | --- | --- | --- | --- |
${push
  .map((result) =>
    rowOf(
      result,
      poll.find(({ name }) => name === result.name),
    ),
  )
  .join('\n')}

This is the first session-revoked event:

${tokenBlocks({ header, claims })}
`
