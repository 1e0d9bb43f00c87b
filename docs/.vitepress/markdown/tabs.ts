import type { MarkdownRenderer } from 'vitepress'

type State = Parameters<Parameters<MarkdownRenderer['core']['ruler']['push']>[1]>[0]
type Token = State['tokens'][number]

export interface Tab {
  label: string
  fence: Token
}

let groups = 0

/** Returns code blocks with one tab each, in the markup of VitePress's own code groups. */
export function tabs(state: State, blocks: readonly Tab[]): Token[] {
  const html = (content: string): Token => Object.assign(new state.Token('html_block', '', 0), { content })
  const group = `group-${(groups += 1)}`
  const labels = blocks.map(({ label, fence }, index) => {
    const id = `${group}-${index}`
    // VitePress shows the block that is active.
    if (index === 0) fence.info += ' active'
    const checked = index === 0 ? ' checked' : ''
    return `<input type="radio" name="${group}" id="${id}" data-tab="${label}"${checked}><label for="${id}">${label}</label>`
  })
  return [
    html(`<div class="vp-code-group"><div class="tabs">${labels.join('')}</div><div class="blocks">\n`),
    ...blocks.map(({ fence }) => fence),
    html('</div></div>\n'),
  ]
}

/**
 * Shows named code blocks as tabs. A page lists them between two comments. The name of each block is above it, in bold type. So a
 * reader without the site sees the blocks one below the other:
 *
 *     <!-- tabs -->
 *     **Hono**
 *     (a code block)
 *     <!-- /tabs -->
 */
export function tabGroups(md: MarkdownRenderer): void {
  md.core.ruler.push('tab_groups', (state) => {
    const isComment = (token: Token | undefined, text: string): boolean =>
      token?.type === 'html_block' && token.content.trim() === `<!-- ${text} -->`
    const result: Token[] = []
    for (let index = 0; index < state.tokens.length; index += 1) {
      if (!isComment(state.tokens[index], 'tabs')) {
        result.push(state.tokens[index]!)
        continue
      }
      const end = state.tokens.findIndex((token, at) => at > index && isComment(token, '/tabs'))
      if (end === -1) throw new Error('<!-- tabs --> has no <!-- /tabs -->')
      result.push(...tabs(state, namedBlocks(state.tokens.slice(index + 1, end))))
      index = end
    }
    state.tokens = result
  })
}

function namedBlocks(tokens: readonly Token[]): Tab[] {
  const blocks: Tab[] = []
  let label: string | undefined
  for (const token of tokens) {
    if (token.type === 'inline') label = /^\*\*(.+)\*\*$/.exec(token.content)?.[1]
    if (token.type !== 'fence') continue
    if (label === undefined) throw new Error(`A block between <!-- tabs --> has no name in bold type: ${token.content}`)
    blocks.push({ label, fence: token })
    label = undefined
  }
  return blocks
}
