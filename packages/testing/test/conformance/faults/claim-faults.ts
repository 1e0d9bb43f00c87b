import { blindTo, omit, strictWith, type Faults } from './fault-tools.ts'
import { event } from './reissue.ts'

const isKnownClaim = (name: string): boolean =>
  ['iss', 'aud', 'iat', 'exp', 'nbf', 'jti', 'sub', 'sid', 'events', 'azp'].includes(name)

/** Faults in the checks of the claims. */
export const claimFaults: Faults = {
  'does not check iss': {
    fault: () => ({
      receive: blindTo(
        ({ iss }, { provider }) => iss !== provider.op.issuer,
        (claims, { provider }) => ({ ...claims, iss: provider.op.issuer }),
      ),
    }),
    failing: ['oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss', 'refuse/no-iss', /^refuse\/iss-/],
  },
  'does not check aud': {
    fault: () => ({
      receive: blindTo(
        ({ iss, aud }, { provider }) =>
          iss !== undefined && JSON.stringify(aud) !== JSON.stringify(provider.op.clientId),
        (claims, { provider }) => ({ ...claims, aud: provider.op.clientId }),
      ),
    }),
    failing: [
      'oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud',
      'refuse/no-aud',
      /^refuse\/aud-/,
      'refuse/an-empty-list-as-aud',
      'refuse/a-further-audience',
      'refuse/a-further-audience-that-is-a-number',
    ],
  },
  'refuses aud as a list': {
    fault: () => ({ receive: strictWith(({ aud }) => Array.isArray(aud)) }),
    failing: ['accept/aud-as-a-list', 'provider/zitadel', 'provider/authelia-lib'],
  },
  'refuses azp': {
    fault: () => ({ receive: strictWith((claims) => 'azp' in claims) }),
    failing: ['accept/azp-of-this-client', 'provider/rauthy-sub'],
  },
  'refuses fractions of a second': {
    fault: () => ({
      receive: strictWith(({ iat, exp }) =>
        [iat, exp].some((time) => Number.isFinite(time) && !Number.isInteger(time)),
      ),
    }),
    failing: ['accept/fractions-of-a-second'],
  },
  'allows no difference between the clocks': {
    fault: () => ({
      receive: blindTo(
        ({ iat, nbf }, { now }) => iat > now() || nbf > now(),
        (claims) => ({ ...claims, aud: 'nobody' }),
      ),
    }),
    failing: ['accept/clocks-ten-seconds-apart', 'accept/not-before-ten-seconds-from-now'],
  },
  'accepts a nonce': {
    fault: () => ({
      receive: blindTo(
        (claims) => 'nonce' in claims,
        (claims) => omit(claims, 'nonce'),
      ),
    }),
    failing: [
      'oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce',
      'refuse/a-nonce',
      'refuse/nonce-null',
      'refuse/an-empty-nonce',
    ],
  },
  'does not check events': {
    fault: () => ({
      receive: blindTo(
        ({ iss, events }) => iss !== undefined && !(events?.[event] instanceof Object && !Array.isArray(events[event])),
        (claims) => ({ ...claims, events: { [event]: {} } }),
      ),
    }),
    failing: [
      'oidcc-client-test-rp-backchannel-rpinitlogout-no-event',
      'oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event',
      'refuse/no-events',
      /^refuse\/events-/,
      /^refuse\/the-event-/,
      'refuse/event-for-events-WSO2-5-9',
    ],
  },
  'refuses further events': {
    fault: () => ({
      receive: blindTo(
        ({ events }) => typeof events === 'object' && events !== null && Object.keys(events).length > 1,
        (claims) => omit(claims, 'events'),
      ),
    }),
    failing: ['accept/a-further-event', 'provider/keycloak-26'],
  },
  'refuses a logout event with members': {
    fault: () => ({ receive: strictWith(({ events }) => Object.keys(events?.[event] ?? {}).length > 0) }),
    failing: ['accept/an-event-with-members'],
  },
  'refuses sub null and sid null': {
    fault: () => ({ receive: strictWith(({ sub, sid }) => sub === null || sid === null) }),
    failing: ['accept/sub-null-beside-a-sid', 'accept/sid-null-beside-a-sub'],
  },
  'refuses unknown claims': {
    fault: () => ({ receive: strictWith((claims) => !Object.keys(claims).every(isKnownClaim)) }),
    failing: [
      'oidcc-client-test-rp-backchannel-rpinitlogout',
      'accept/claims-that-are-not-understood',
      'accept/claims-named-like-what-every-object-has',
      'provider/keycloak-26',
      'provider/duende-identityserver',
      'provider/rauthy-sub',
    ],
  },
  'copies __proto__ as a prototype': {
    fault: () => ({
      receive: strictWith((claims) => 'nonce' in Object.assign({}, claims) && !Object.hasOwn(claims, 'nonce')),
    }),
    failing: ['accept/claims-named-like-what-every-object-has'],
  },
  'removes punctuation from a sid': {
    fault: () => ({
      receive: blindTo(
        ({ sid }) => typeof sid === 'string' && /[^\w-]/.test(sid),
        (claims) => ({ ...claims, sid: claims['sid'].replaceAll(/[^\w-]/g, '') }),
      ),
    }),
    failing: ['accept/a-sid-of-punctuation'],
  },
}
