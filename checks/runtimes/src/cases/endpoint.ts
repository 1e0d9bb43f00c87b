import { faultOf, type CaseRequest } from '@bcl/testing'
import type { BackchannelLogout } from '@bcl/core'

export const formType = 'application/x-www-form-urlencoded'

export const formOf = (token: string): CaseRequest => ({
  method: 'POST',
  headers: { 'content-type': formType },
  body: new URLSearchParams({ logout_token: token }).toString(),
})

/** Sends a request to the endpoint. Throws an error that describes a wrong answer. */
export async function expectAnswer(
  logout: Pick<BackchannelLogout, 'handle'>,
  { query = '', ...init }: CaseRequest,
  status: 200 | 400 | 405 | 413,
  name = '',
): Promise<void> {
  const response = await logout.handle(new Request(`https://rp.example/backchannel-logout${query}`, init))
  const fault = faultOf({ status, name }, response, await response.text())
  if (fault !== undefined) throw new Error(fault)
}
