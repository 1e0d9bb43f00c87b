export { formatHtml } from './format-html.js'
export { formatJUnit } from './format-junit.js'
export { inspectLogoutToken } from './inspect-token.js'

export type { Finding } from './inspect-remedies.js'
export type { InspectOptions, Inspection } from './inspect-token.js'
