import { requestCases } from '@bcl/testing'
import type { Case } from './case.ts'
import { expectAnswer, formOf, formType } from './endpoint.ts'
import { logout } from './module-scope.ts'

const bytes = new TextEncoder()

/** Returns a body that arrives in two pieces, like a body from a network. */
const inPieces = (text: string): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(bytes.encode(text.slice(0, 100)))
      controller.enqueue(bytes.encode(text.slice(100)))
      controller.close()
    },
  })

const postStream = (text: string): RequestInit & { method: string; headers: Record<string, string> } =>
  ({ method: 'POST', headers: { 'content-type': formType }, body: inPieces(text), duplex: 'half' }) as never

export const requestRows: readonly Case[] = [
  ...requestCases.map((row): Case => ({
    name: `request: ${row.name} is answered ${row.status}`,
    run: async (op) => expectAnswer(logout, await row.make(op), row.status, row.name),
  })),
  {
    name: 'request: a body that is a stream is answered 200',
    run: async (op) => expectAnswer(logout, postStream(formOf(await op.logoutToken()).body!) as never, 200),
  },
  {
    name: 'request: a stream over 64 KiB is answered 413',
    run: () => expectAnswer(logout, postStream('x'.repeat(64 * 1024 + 1)) as never, 413),
  },
]
