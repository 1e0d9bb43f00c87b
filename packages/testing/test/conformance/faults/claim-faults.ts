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
  'ignores a trailing slash of iss': {
    fault: () => ({
      receive: blindTo(
        ({ iss }, { provider }) => iss === `${provider.op.issuer}/`,
        (claims, { provider }) => ({ ...claims, iss: provider.op.issuer }),
      ),
    }),
    failing: ['refuse/iss-with-a-trailing-slash'],
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
  'accepts further audiences': {
    fault: () => ({
      receive: blindTo(
        ({ aud }, { provider }) => Array.isArray(aud) && aud.length > 1 && aud.includes(provider.op.clientId),
        (claims, { provider }) => ({ ...claims, aud: provider.op.clientId }),
      ),
    }),
    failing: ['refuse/a-further-audience', 'refuse/a-further-audience-that-is-a-number'],
  },
  'accepts an aud that contains the client_id': {
    fault: () => ({
      receive: blindTo(
        ({ aud }, { provider }) =>
          typeof aud === 'string' && aud !== provider.op.clientId && aud.includes(provider.op.clientId),
        (claims, { provider }) => ({ ...claims, aud: provider.op.clientId }),
      ),
    }),
    failing: ['oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud', 'refuse/aud-that-begins-like-the-client'],
  },
  'ignores azp': {
    fault: () => ({
      receive: blindTo(
        (claims, { provider }) => 'azp' in claims && claims['azp'] !== provider.op.clientId,
        (claims) => omit(claims, 'azp'),
      ),
    }),
    failing: ['refuse/azp-of-another-client', 'refuse/azp-null'],
  },
  'refuses azp': {
    fault: () => ({ receive: strictWith((claims) => 'azp' in claims) }),
    failing: ['accept/azp-of-this-client', 'provider/rauthy-sub'],
  },
  'does not check exp': {
    fault: () => ({
      receive: blindTo(
        ({ exp }, { now }) => typeof exp === 'number' && exp < now(),
        (claims, { now }) => ({ ...claims, exp: now() + 120 }),
      ),
    }),
    failing: ['refuse/exp-ten-minutes-ago'],
  },
  'accepts a token without exp': {
    fault: () => ({
      receive: blindTo(
        (claims) => !('exp' in claims),
        (claims, { now }) => ({ ...claims, exp: now() + 120 }),
      ),
    }),
    failing: ['refuse/no-exp'],
  },
  'accepts a token without iat': {
    fault: () => ({
      receive: blindTo(
        (claims) => !('iat' in claims),
        (claims, { now }) => ({ ...claims, iat: now() }),
      ),
    }),
    failing: ['refuse/no-iat'],
  },
  'accepts times as text': {
    fault: () => ({
      receive: blindTo(
        ({ iat, exp, nbf }) => [iat, exp, nbf].some((time) => typeof time === 'string'),
        (claims) => {
          const times = Object.entries(claims).filter(([, value]) => /^\d+$/.test(String(value)))
          return { ...claims, ...Object.fromEntries(times.map(([name, value]) => [name, Number(value)])) }
        },
      ),
    }),
    failing: ['refuse/iat-as-text', 'refuse/exp-as-text', 'refuse/nbf-as-text'],
  },
  'accepts null as a time': {
    fault: () => ({
      receive: blindTo(
        ({ iat, exp }) => iat === null || exp === null,
        (claims, { now }) => ({ ...claims, iat: now(), exp: now() + 120 }),
      ),
    }),
    failing: ['refuse/iat-null', 'refuse/exp-null'],
  },
  'accepts infinite times': {
    fault: () => ({
      receive: blindTo(
        ({ iat, exp }) => [iat, exp].some((time) => typeof time === 'number' && !Number.isFinite(time)),
        (claims, { now }) => ({ ...claims, iat: now(), exp: now() + 120 }),
      ),
    }),
    failing: ['refuse/exp-is-1e999', 'refuse/iat-is-1e999'],
  },
  'refuses fractions of a second': {
    fault: () => ({
      receive: strictWith(({ iat, exp }) =>
        [iat, exp].some((time) => Number.isFinite(time) && !Number.isInteger(time)),
      ),
    }),
    failing: ['accept/fractions-of-a-second'],
  },
  'accepts an iat in the future': {
    fault: () => ({
      receive: blindTo(
        ({ iat, exp }, { now }) => iat > now() + 60 && Number.isFinite(exp),
        (claims, { now }) => ({ ...claims, iat: now() }),
      ),
    }),
    failing: ['refuse/iat-ten-minutes-ahead'],
  },
  'ignores nbf': {
    fault: () => ({
      receive: blindTo(
        ({ nbf }) => typeof nbf === 'number',
        (claims) => omit(claims, 'nbf'),
      ),
    }),
    failing: ['refuse/nbf-ten-minutes-ahead'],
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
  'accepts an empty nonce': {
    fault: () => ({
      receive: blindTo(
        (claims) => 'nonce' in claims && !claims['nonce'],
        (claims) => omit(claims, 'nonce'),
      ),
    }),
    failing: ['refuse/nonce-null', 'refuse/an-empty-nonce'],
  },
  'accepts null as the logout event': {
    fault: () => ({
      receive: blindTo(
        ({ events }) => events?.[event] === null,
        (claims) => ({ ...claims, events: { [event]: {} } }),
      ),
    }),
    failing: ['refuse/the-event-null'],
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
  'does not require a jti': {
    fault: () => ({
      receive: blindTo(
        ({ jti }) => typeof jti !== 'string' || jti === '',
        (claims) => ({ ...claims, jti: crypto.randomUUID() }),
      ),
    }),
    failing: ['refuse/no-jti', 'refuse/an-empty-jti', 'refuse/jti-as-a-number'],
  },
  'requires neither sub nor sid': {
    fault: () => ({
      receive: blindTo(
        ({ iss, sub, sid }) => iss !== undefined && (sub ?? sid ?? null) === null,
        (claims) => ({ ...claims, sub: 'somebody' }),
      ),
    }),
    failing: ['refuse/neither-sub-nor-sid', 'refuse/sub-and-sid-null'],
  },
  'accepts any value as sub and sid': {
    fault: () => ({
      receive: blindTo(
        ({ sub = 'x', sid = 'x' }) =>
          [sub, sid].some((name) => name === '' || (name !== null && typeof name !== 'string')),
        (claims) => ({ ...claims, sub: `${claims['sub']} `, sid: `${claims['sid']} ` }),
      ),
    }),
    failing: [
      'refuse/an-empty-sub',
      'refuse/sub-as-a-number',
      'refuse/an-empty-sid',
      'refuse/sid-as-a-number',
      'refuse/sid-as-an-object',
    ],
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
