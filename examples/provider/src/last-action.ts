import { html } from 'hono/html'

import { accounts } from './accounts.ts'
import type { Html } from './layout.ts'
import type { SentToken } from './tokens-sent.ts'

type Answer = Pick<SentToken, 'client_id' | 'status'>

/** The result of the last action of a button. */
export interface LastAction {
  sentence: string
  /** The answers of the applications. */
  answers: readonly Answer[]
  /** The kind of the sent tokens. */
  sent: 'Logout Token' | 'security event'
  /** The applications that take no security events. */
  without?: readonly string[]
  /** The `uid` of each remaining session. */
  left: ReadonlySet<string>
}

export const nameOf = (sub: string): string => accounts.get(sub) ?? sub

/** Describes the last action, and the answer of each application. */
export function whatHappened({ sentence, answers, sent, without = [] }: LastAction): Html {
  const accepted = answers.filter(({ status }) => status === 200 || status === 202)
  const failed = answers.filter((answer) => !accepted.includes(answer))
  const sentences = [
    answers.length === 0
      ? `The provider sent no ${sent}.`
      : `The provider sent ${answers.length === 1 ? `a ${sent}` : `${answers.length} ${sent}s`}.`,
    accepted.length > 0 && `${list(accepted)} accepted, and open pages there show the sign-out now.`,
    failed.length > 0 && `${list(failed)} refused or did not answer.`,
    without.length > 0 && `${names(without)} took no part, because security events are not set up there.`,
  ]
  return html`<div id="status" class="${failed.length > 0 ? 'ended' : 'in'}" role="status">
    <p id="state">${sentence}</p>
    <p id="explanation">${sentences.filter(Boolean).join(' ')}</p>
  </div>`
}

const list = (answers: readonly Answer[]): string => names(answers.map(({ client_id }) => client_id))

export function names(clientIds: readonly string[]): string {
  return new Intl.ListFormat('en-GB', { type: 'conjunction' }).format([...new Set(clientIds)].toSorted())
}
