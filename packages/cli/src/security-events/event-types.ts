const base = 'https://schemas.openid.net/secevent/'

/** The short names of events on the command line. */
const eventTypes: Record<string, string> = {
  'session-revoked': `${base}caep/event-type/session-revoked`,
  'credential-change': `${base}caep/event-type/credential-change`,
  'device-compliance-change': `${base}caep/event-type/device-compliance-change`,
  'account-disabled': `${base}risc/event-type/account-disabled`,
  'account-enabled': `${base}risc/event-type/account-enabled`,
  'account-purged': `${base}risc/event-type/account-purged`,
  'sessions-revoked': `${base}risc/event-type/sessions-revoked`,
  'tokens-revoked': `${base}oauth/event-type/tokens-revoked`,
  verification: `${base}ssf/event-type/verification`,
}

export const eventNames = Object.keys(eventTypes)

/** Returns the URI of an event, from a short name or a URI. Returns `undefined` for any other text. */
export const eventTypeOf = (name: string): string | undefined =>
  Object.hasOwn(eventTypes, name) ? eventTypes[name] : URL.canParse(name) ? name : undefined

/** Returns the sessions that an event ends in a receiver without special settings. */
export function effectOf(type: string): 'its subject' | 'all sessions' | 'nothing' {
  if (type === eventTypes['session-revoked']) return 'its subject'
  const ending = ['account-disabled', 'account-purged', 'sessions-revoked', 'tokens-revoked']
  return ending.some((name) => type === eventTypes[name]) ? 'all sessions' : 'nothing'
}
