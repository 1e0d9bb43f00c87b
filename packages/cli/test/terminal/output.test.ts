import type { WriteStream } from 'node:tty'
import { expect, test } from 'vitest'
import { createOutput } from '../../src/terminal/output.ts'

/** Creates a stream that records what is written. It is a terminal if `terminal` is given. */
function stream(terminal: { colours: boolean } | undefined) {
  let written = ''
  const fake = {
    isTTY: terminal !== undefined,
    columns: 20,
    hasColors: () => terminal?.colours,
    write: (text: string) => (written += text),
  }
  return { fake: fake as unknown as WriteStream, written: () => written }
}

const red = '\u001b[31m'

test('a stream has colours only if it is a terminal that shows colours', () => {
  const colourful = stream({ colours: true })
  const plain = stream({ colours: false })
  const pipe = stream(undefined)
  const first = createOutput(colourful.fake, pipe.fake)
  expect(first.out.style('red', 'x')).toContain(red)
  expect(first.notes.style('red', 'x')).toBe('x')
  const second = createOutput(pipe.fake, colourful.fake)
  expect(second.out.style('red', 'x')).toBe('x')
  expect(second.notes.style('red', 'x')).toContain(red)
  expect(createOutput(plain.fake, plain.fake).out.style('red', 'x')).toBe('x')
})

test('progress appears only on a terminal, is cut to its width, and disappears before other text', () => {
  const pipe = stream(undefined)
  createOutput(pipe.fake, pipe.fake).progress('1 of 2')
  expect(pipe.written()).toBe('')

  const [out, terminal] = [stream(undefined), stream({ colours: true })]
  const output = createOutput(out.fake, terminal.fake)
  output.progress('1 of 2 done: a name that is long')
  output.progress('2 of 2')
  output.out.write('done')
  output.notes.write('so')
  expect(terminal.written()).toBe('1 of 2 done: a name\r\u001b[2K2 of 2\r\u001b[2Kso\n')
  expect(out.written()).toBe('done\n')
})

test('characters of a provider or an endpoint cannot change the terminal', () => {
  const terminal = stream({ colours: true })
  const { out, notes } = createOutput(terminal.fake, terminal.fake)
  out.write('the issuer is "\u001b]0;title\u0007\u001b[2J\u001b[8mhidden\u009b2J\rnew\u202e"')
  notes.write('\u001b[31mred\u001b[39m\r\n\ttab')
  expect(terminal.written()).toBe(
    'the issuer is "\\u001b]0;title\\u0007\\u001b[2J\\u001b[8mhidden\\u009b2J\\u000dnew\\u202e"\n\u001b[31mred\u001b[39m\r\n\ttab\n',
  )
})
