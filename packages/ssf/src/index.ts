export { createSecurityEventReceiver } from './create-security-event-receiver.js'
export { StreamRequestError } from './streams/request.js'
export { createStreamClient } from './streams/stream-client.js'

export type { Audience } from './transmitters/audience.js'
export type { ClientCredentials } from './streams/client-credentials.js'
export type { SecurityEventReceiver, SecurityEventReceiverOptions } from './create-security-event-receiver.js'
export type { PollOnceOptions, PollOptions, PollResult } from './delivery/poll.js'
export type { AccessToken } from './streams/request.js'
export type { SecurityEventDelivery } from './delivery/respond.js'
export type { NothingEnded, SecurityEvent, SubjectIdentifier } from './events/security-event.js'
export type {
  StreamClient,
  StreamClientOptions,
  StreamConfiguration,
  StreamDelivery,
  StreamRequest,
  StreamStatus,
} from './streams/stream-client.js'
export type { ResolvedSubject, ResolveSubject } from './sessions/target.js'
export type { Transmitter } from './transmitters/transmitter.js'
