export { createSecurityEventReceiver } from './create-security-event-receiver.js'
export { StreamRequestError } from './request.js'
export { createStreamClient } from './stream-client.js'

export type { Audience } from './audience.js'
export type { ClientCredentials } from './client-credentials.js'
export type { SecurityEventReceiver, SecurityEventReceiverOptions } from './create-security-event-receiver.js'
export type { PollOnceOptions, PollOptions, PollResult } from './poll.js'
export type { AccessToken } from './request.js'
export type { SecurityEventDelivery } from './respond.js'
export type { NothingEnded, SecurityEvent, SubjectIdentifier } from './security-event.js'
export type {
  StreamClient,
  StreamClientOptions,
  StreamConfiguration,
  StreamDelivery,
  StreamRequest,
  StreamStatus,
} from './stream-client.js'
export type { ResolvedSubject, ResolveSubject } from './target.js'
export type { Transmitter } from './transmitter.js'
