export { inspectLogoutToken } from './inspect/inspect-token.js'
export { formatHtml } from './report/html.js'
export { formatJUnit } from './report/junit.js'

export type { InspectOptions, Inspection } from './inspect/inspect-token.js'
export type { Finding } from './inspect/remedies.js'
