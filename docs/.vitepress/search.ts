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

/** Replaces words of a reader by the words of the pages, and returns the words. Runs only in the browser. */
function tokenizeQuery(query: string): string[] {
  const words: [RegExp, string][] = [
    [/\b(?:users? )?(?:still|stays?) (?:logged|signed) in\b|\bnot (?:logged|signed) out\b/g, 'logout did not work'],
    [/\blogout (?:does not|doesn't|not) work(?:ing)?\b|\bdebug(?:ging)?\b|\btroubleshoot\w*/g, 'logout did not work'],
    [
      /\bforced? (?:logout|log out|sign[- ]out)\b|\b(?:logout|log out|sign out) a user\b/g,
      'end the sessions of a user',
    ],
    [
      /\bsingle (?:logout|log[- ]out|sign[- ]out)\b|\b(?:logout|log out|sign out) (?:from )?all\b/g,
      'sign out everywhere',
    ],
    [/\b(?:signed|logged) out (?:after|at once|directly|immediately|right|too)\b/g, 'too early'],
    [/\b(?:log|logged|sign|signed)[ -](?:out|off)\b/g, 'sign out'],
    [/\b(express|fastify|hono|koa|nest)\.?js\b/g, '$1'],
    [/\bmultiple\b|\bmore than one\b/g, 'several'],
    [/\bazure ad\b/g, 'entra'],
    [/\bremix\b/g, 'react router'],
    [/\bperformance\b|\bspeed\b/g, 'benchmarks'],
    [/\blogging\b/g, 'log records'],
    [/\bmongo(?:db)?\b|\bdynamodb\b/g, 'your own store'],
    [/\b(?:aws )?lambda\b|\bvercel\b|\bnetlify\b/g, 'serverless'],
    [/\bremember me\b|\b(?:session|idle) (?:time-?out|expire\w*|expiry|life\w*)\b/g, 'limit sessionmaxage'],
    [/\bhow long (?:does|do|can|is) (?:a |my |the )?(?:user'?s? )?sessions?\b/g, 'limit sessionmaxage'],
    [/\b(?:black|block|deny|revocation)[ -]?list\b/g, 'denylist'],
    [/\bngrok\b|\breach(?:es)? (?:my |the )?(?:machine|computer|laptop|localhost)\b/g, 'reach the application tunnel'],
    [/\bcookies? (?:is |are )?too (?:big|large|long)\b/g, 'encrypted cookie'],
    [/\b(?:ban|block|deactivate|delete|disable|kick)(?: out)? (?:a |the )?user\b/g, 'end the sessions of a user'],
    [/\bhealth ?checks?\b/g, 'readiness probe'],
    [/\b(?:browser|multiple|open|other|several) tabs?\b/g, 'live pages'],
    [/\bmonitor(?:ing)?\b|\bgrafana\b/g, 'metrics prometheus'],
    [/\bwithout (?:a |the )?provider\b/g, 'testing your application'],
    [/\b(?:spa|single[- ]page app\w*)\b/g, 'single-page spa'],
    [/\bneed (?:redis|a (?:database|store))\b/g, 'stores remember'],
    [/\bwhat is (?:a |the )?(?:logout token|back-?channel logout)\b/g, 'how it works'],
    [/\bredirect[_ ]ur[il] (?:error|invalid|mismatch|refused|wrong)\b/g, 'sign-in fails redirect_uri'],
    [/\bwhich providers?\b.*/g, 'providers row version'],
    [/\b(?:sends no|(?:does not|doesn't) send)(?: (?:any|a))?(?: logouts?)?(?: tokens?)?\b/g, ''],
    [/\bquick ?start\b|\bgetting started\b/g, 'start install'],
    [/\b(back|front)channel\b/g, '$1 channel'],
    [/\blogouts? arrived?\b/g, 'logout did not work'],
    [/\bproduction[- ]ready\b/g, 'release notes change'],
    [/\bnpm (?:404|err\w*)\b/g, 'install'],
    [/\b(?:gdpr|personal data)\b/g, 'privacy'],
    [
      /\bpasswords? (?:change\w*|reset\w*)\b|\b(?:chang\w+|reset\w*) (?:a |my |the |their )?passwords?\b/g,
      'password end the sessions of a user',
    ],
    [/\bstore (?:all )?(?:my |the )?sessions\b/g, 'marker tracked session'],
  ]
  let text = query.toLowerCase()
  for (const [pattern, replacement] of words) text = text.replaceAll(pattern, replacement)
  return text.replace(/\b(\w+)\.js\b/g, '$1js $&').split(/[\s\p{Z}\p{P}]+/u)
}

/** Keeps only the nouns and verbs of a question, without the plural. Also runs in the browser. */
function processTerm(term: string): string | false {
  const word = term.toLowerCase().replace(/(\w\w[^aijsu])s$/, '$1')
  return (
    !/^(?:an?|and|are|can|do|does|for|how|i|in|is|it|me|my|of|on|that|the|to|what|when|which|why|with|you|your)$/.test(
      word,
    ) && word
  )
}

export const search: DefaultTheme.LocalSearchOptions = {
  miniSearch: {
    options: { tokenize, processTerm },
    searchOptions: {
      tokenize: tokenizeQuery,
      fuzzy: 0.1,
      prefix: true,
      boost: { title: 6, titles: 2, text: 1 },
      boostDocument,
    },
  },
}
