export { createBrowser } from './conformance/relying-party/browser.js'
export { EndpointError, SignInError } from './conformance/prepare.js'
export { findingsOf, sumUp } from './conformance/result.js'
export { runConformance } from './conformance/run-conformance.js'
export { conformanceCases, securityEventConformanceCases, selectConformanceCases } from './conformance/select-cases.js'
export { profileToken } from './providers/profile-token.js'
export { providerProfiles } from './providers/provider-profiles.js'
export { createTestIssuer } from './providers/test-issuer.js'
export { createTestKey } from './providers/test-key.js'
export { createTestProvider } from './providers/test-provider.js'
export { faultOf } from './requests/fault-of.js'
export { requestCases } from './requests/request-cases.js'
export { securityEventCases } from './security-events/security-event-cases.js'
export { createTestTransmitter } from './security-events/test-transmitter.js'
export { testAdapter } from './suites/test-adapter.js'
export { testStore } from './suites/test-store.js'
export { failureCases } from './tokens/failure-cases.js'
export { rightTokens } from './tokens/right-tokens.js'
export { wrongTokens } from './tokens/wrong-tokens.js'

export type { Act, ConformanceCase, ConformanceGrade, ConformanceGroup } from './conformance/case.js'
export type { Browser, FetchLike } from './conformance/relying-party/browser.js'
export type {
  Answer,
  ExistingSession,
  Party,
  SecurityEventTarget,
  SignInContract,
  SignInOptions,
  Visit,
} from './conformance/relying-party/party.js'
export type { ConformanceFault } from './conformance/relying-party/expectations.js'
export type { ConformanceFinding, ConformanceResult } from './conformance/result.js'
export type { ConformanceOptions } from './conformance/run-conformance.js'
export type { ProfileToken } from './providers/profile-token.js'
export type { ProviderHttp, ProviderProfile } from './providers/provider-profiles.js'
export type { TestIssuer, TestIssuerOptions } from './providers/test-issuer.js'
export type { TestKey } from './providers/test-key.js'
export type { ProviderSession, TestProvider, TestProviderOptions } from './providers/test-provider.js'
export type { CaseRequest, RequestCase } from './requests/request-cases.js'
export type { SecurityEventCase } from './security-events/security-event-cases.js'
export type { TestStream, TestTransmitter, TestTransmitterOptions } from './security-events/test-transmitter.js'
export type { TestFunction } from './suites/assert.js'
export type { MountAdapter, MountedAdapter } from './suites/test-adapter.js'
export type { StoreUnderTest } from './suites/test-store.js'
export type { FailureCase } from './tokens/failure-cases.js'
export type { RightToken } from './tokens/right-tokens.js'
export type { WrongToken } from './tokens/wrong-tokens.js'
