import type { MarkdownRenderer } from 'vitepress'
import { tabs } from './tabs.ts'

type Rewrite = readonly [npm: RegExp, other: string]

const managers: Record<string, readonly Rewrite[]> = {
  npm: [],
  pnpm: [
    [/^npm install\b/, 'pnpm add'],
    [/^npx (?=@bcl)/, 'pnpm dlx '],
  ],
  yarn: [
    [/^npm install --save-dev\b/, 'yarn add --dev'],
    [/^npm install\b/, 'yarn add'],
    [/^npx (?=@bcl)/, 'yarn dlx '],
  ],
  bun: [
    [/^npm install --save-dev\b/, 'bun add --dev'],
    [/^npm install\b/, 'bun add'],
    [/^npx (?=@bcl)/, 'bunx '],
  ],
}

/** Returns npm commands in the form of each package manager. Returns nothing if a command works only with npm. */
export function inEachManager(commands: string): Map<string, string> | undefined {
  // Commands with tarballs stay npm commands. A tarball of a clone needs other tarballs, and only npm finds them beside it.
  if (!/^(?:npm install|npx @bcl)\b/m.test(commands) || commands.includes('.tgz')) return undefined
  const spell = (rewrites: readonly Rewrite[]) => (line: string) => {
    const rewrite = rewrites.find(([npm]) => npm.test(line))
    return rewrite ? line.replace(...rewrite) : line
  }
  const spelled = Object.entries(managers).map(
    ([name, rewrites]) => [name, commands.split('\n').map(spell(rewrites)).join('\n')] as const,
  )
  return new Map(spelled)
}

/** Shows an npm command with a tab for each package manager. */
export function packageManagers(md: MarkdownRenderer): void {
  md.core.ruler.push('package_managers', (state) => {
    state.tokens = state.tokens.flatMap((token) => {
      const spelled = token.type === 'fence' && token.info === 'sh' ? inEachManager(token.content) : undefined
      if (spelled === undefined) return token
      const blocks = [...spelled].map(([label, content]) => ({
        label,
        fence: Object.assign(new state.Token('fence', 'code', 0), {
          info: 'sh',
          content,
          markup: '```',
          map: token.map,
        }),
      }))
      return tabs(state, blocks)
    })
  })
}
