import type { DefaultTheme } from 'vitepress'

/**
 * Ranks guides above the reference and the evidence. `id` is the address of a section, such as `/sessions#iron-session`. VitePress
 * sends this function to the browser as text, so it must not use code outside of it.
 */
function boostDocument(id: string): number {
  // A term that is not in the guides, such as the name of a type, still finds the API reference.
  if (id.startsWith('/api/')) return 0.5
  if (/^\/(?:requirements|conformance|interop|benchmarks|robustness|design|changelog|roadmap|contributing)\b/.test(id))
    return 0.4
  if (/^\/(?:examples|packages)\b/.test(id)) return 0.7
  // Most readers use Better Auth for the sign-in in their application, not as a provider.
  if (id.startsWith('/providers.html#better-auth')) return 0.9
  // A reader who searches for a provider wants its settings. A reader who searches for a term wants its explanation.
  if (/^\/providers\b/.test(id)) return 1.3
  return /^\/concepts\b/.test(id) ? 1.1 : 1
}

/** Returns the words of a text, with "nextjs" for "Next.js". Also runs in the browser. */
function tokenize(text: string): string[] {
  return text.replace(/\b(\w+)\.js\b/g, '$1js $&').split(/[\s\p{Z}\p{P}]+/u)
}

/** Keeps only the nouns and verbs of a question, without the plural. Also runs in the browser. */
function processTerm(term: string): string | false {
  const word = term.toLowerCase().replace(/(\w\w[^aijsu])s$/, '$1')
  return !/^(?:an?|and|are|can|do|does|for|how|i|in|is|it|me|my|of|on|the|to|what|when|why|with)$/.test(word) && word
}

export const search: DefaultTheme.LocalSearchOptions = {
  miniSearch: {
    options: { tokenize, processTerm },
    searchOptions: { fuzzy: 0.1, prefix: true, boost: { title: 6, titles: 2, text: 1 }, boostDocument },
  },
}
