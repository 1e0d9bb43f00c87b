export { createSecurityEventReceiver } from './create-security-event-receiver.js'

export type { Audience } from './audience.js'
export type { SecurityEventReceiver, SecurityEventReceiverOptions } from './create-security-event-receiver.js'
export type { SecurityEventDelivery } from './respond.js'
export type { NothingEnded, SecurityEvent, SubjectIdentifier } from './security-event.js'
export type { ResolvedSubject, ResolveSubject } from './target.js'
export type { Transmitter } from './transmitter.js'
