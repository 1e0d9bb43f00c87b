import type { createBrowser, Page } from '../../../examples/demo/src/browser.ts'

export type Browser = ReturnType<typeof createBrowser>

/** The data of an application that a provider needs. */
export interface Registration {
  name: string
  redirectUri: string
  postLogoutRedirectUri: string
  backchannelLogoutUri: string
}

export interface Credentials {
  clientId: string
  clientSecret: string
  /** @default 'client_secret_basic' */
  clientAuth?: 'client_secret_post'
}

/** Settings of a `TrustedIssuer`, as the examples read them. */
export type Settings = Record<string, unknown>

/** A real OpenID Provider. Each provider is one module in `providers`. */
export interface Provider {
  /** The name in `docs/providers.md`. */
  name: string
  /** Sentences for docs/interop.md: how the test registers clients, signs in, and ends sessions. */
  how: readonly string[]
  /** The settings that `docs/providers.md` names. `bcl inspect` must find the same settings. */
  settings: Settings
  /** The form of its Logout Tokens, as `docs/providers.md` describes them. */
  form: TokenForm
  /** The provider causes a warning of `bcl doctor`. This is a part of the warning's text. */
  doctorWarning?: string
  /** True if the provider follows a redirect from the endpoint. */
  followsRedirects: boolean
  /** Starts the provider on a free loopback port. */
  start(): Promise<RunningProvider>
}

export interface TokenForm {
  typ: string
  /** The seconds between `iat` and `exp`. Left out if the tokens have no `exp`. */
  lifetime?: number
  audience: 'string' | 'array'
  /**
   * With `session`, all tokens of one session at the provider have the same `sid`. With `client`, each client of the
   * session has a different `sid`.
   */
  sidOf: 'session' | 'client'
}

export interface RunningProvider {
  version: string
  issuer: string
  register(registration: Registration): Promise<Credentials>
  /** Fills in one page of the provider, as a user does. Returns the next page. */
  answerPage(browser: Browser, page: Page, user: string): Promise<Page>
  /** Ends the session of this browser. `application` is the address of an application that is signed in. */
  endSession(browser: Browser, application: string): Promise<void>
  /** Ends all sessions of the user. `browsers` are the browsers of the user. */
  endAllSessions(user: string, browsers: readonly Browser[], application: string): Promise<void>
  /** Cases that only this provider has. */
  cases?: readonly Case[]
  /** Other statements of `docs/providers.md` about this provider. */
  statements?: readonly Statement[]
  stop(): Promise<void>
}

/** A statement about a provider that needs no signed-in user. */
export interface Statement {
  text: string
  /** Throws an error if the statement is wrong. */
  check(): Promise<void>
}

/** Tests one statement of `docs/providers.md` about a provider. */
export interface Case {
  name: string
  /** Throws an error if the provider does not behave as the documentation says. */
  run(lab: Lab): Promise<CaseResult>
}

export interface CaseResult {
  /** The number of Logout Tokens that arrived. */
  tokens: number
  /** The devices that were still signed in after the action. */
  signedIn: string
}

/** The functions for a case. */
export interface Lab {
  /** Starts two applications, and signs a user in to both on a laptop and a phone. */
  signedIn(options?: LabOptions): Promise<SignedIn>
}

export interface LabOptions {
  user?: string
  /** More settings of the issuer, or a function that makes them for one application. */
  settings?: Settings | ((credentials: Credentials) => Settings)
  /** Changes the client at the provider before anybody signs in. */
  configure?: (clientId: string) => Promise<void>
  /** Uses the same two applications as all other cases with this option. Do not change their clients. */
  shared?: boolean
  /** The status that the endpoint answers to every request, instead of the answer of the application. */
  answer?: number
}

export interface SignedIn {
  user: string
  clientIds: readonly string[]
  /** The addresses of the applications. */
  urls: readonly string[]
  laptop: Browser
  phone: Browser
  /**
   * Runs an action at the provider, and waits for `count` Logout Tokens. Returns the sent tokens, and the devices that are still
   * signed in.
   */
  after(action: () => Promise<unknown>, count: number): Promise<Seen>
}

export interface Seen {
  tokens: readonly { header: Record<string, unknown>; claims: Record<string, unknown>; status: number }[]
  signedIn: readonly ('laptop' | 'phone')[]
  /** The number of redirects that the provider followed. */
  followed: number
}
