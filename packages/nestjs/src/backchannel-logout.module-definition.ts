import { createBackchannelLogout, type BackchannelLogout } from '@bcl/core'
import { ConfigurableModuleBuilder, type DynamicModule } from '@nestjs/common'
import { DiscoveryService, HttpAdapterHost } from '@nestjs/core'
import type { BackchannelLogoutModuleOptions, BackchannelLogoutRegistration } from './options.js'
import { register } from './registration.js'
import { getBackchannelLogoutToken, KEY, optionsToken } from './tokens.js'

/** Creates the receiver. Removes the options of the guards first, because core refuses unknown options. */
const createLogout = ({
  session: _session,
  onLoggedOut: _onLoggedOut,
  onUnavailable: _onUnavailable,
  ...options
}: BackchannelLogoutModuleOptions): BackchannelLogout => createBackchannelLogout(options)

function define(
  definition: DynamicModule,
  { name = '', path = '/backchannel-logout' }: BackchannelLogoutRegistration,
): DynamicModule {
  if (!/^\/[^?#]*$/.test(path)) throw new TypeError('path must begin with a slash and have no query')
  const logout = getBackchannelLogoutToken(name)
  const options = optionsToken(name)
  return {
    ...definition,
    global: true,
    providers: [
      ...(definition.providers ?? []),
      { provide: options, useExisting: MODULE_OPTIONS_TOKEN },
      { provide: logout, useFactory: createLogout, inject: [options] },
      {
        provide: KEY,
        useFactory: register(name, path),
        inject: [logout, HttpAdapterHost, DiscoveryService],
      },
    ],
    exports: [logout, options],
  }
}

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<BackchannelLogoutModuleOptions>(
  {
    moduleName: 'BackchannelLogout',
  },
)
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createBackchannelLogoutOptions')
  .setExtras<BackchannelLogoutRegistration>({ name: undefined, path: undefined }, define)
  .build()

export { ConfigurableModuleClass }
