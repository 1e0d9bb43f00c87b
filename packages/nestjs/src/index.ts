export { activeSessionGuard } from './named-active-session.guard.js'
export { ActiveSessionGuard } from './active-session.guard.js'
export { AllowLoggedOut } from './allow-logged-out.decorator.js'
export { BackchannelLogoutModule } from './backchannel-logout.module.js'
export { InjectBackchannelLogout } from './inject-backchannel-logout.decorator.js'
export { OnLogout } from './on-logout.decorator.js'
export { getBackchannelLogoutToken } from './tokens.js'

export type {
  BackchannelLogoutModuleOptions,
  BackchannelLogoutOptionsFactory,
  BackchannelLogoutRegistration,
} from './options.js'
