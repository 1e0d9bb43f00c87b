export { activeSession } from './active-session.js'
export { backchannelLogout } from './backchannel-logout.js'

export type { ActiveSessionOptions } from './active-session.js'
export type { BackchannelLogoutPluginOptions } from './backchannel-logout.js'
export type { LogoutSource } from './logout-source.js'
