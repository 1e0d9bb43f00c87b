/**
 * Compares an answer with the expected answer of a row of {@link requestCases} (RP-40 to RP-44).
 *
 * @param body The body of the answer.
 * @returns the fault of the answer, or `undefined` if the answer is right.
 * @throws {SyntaxError} if the answer has the media type of JSON, but its body is not JSON.
 */
export function faultOf(
  { status, name }: { status: number; name: string },
  response: Response,
  body: string,
): string | undefined {
  const header = (field: string): string => response.headers.get(field) ?? ''
  if (response.status !== status) return `answered ${response.status}, not ${status}`
  if (!/\bno-store\b/.test(header('cache-control'))) return `answered without cache-control: no-store`
  if (status === 405 && header('allow') !== 'POST') return `answered with allow: ${header('allow')}`
  if (status === 200) return body === '' ? undefined : 'answered 200 with a body'
  if (name === 'HEAD') return undefined
  if (!/^application\/json\b/.test(header('content-type'))) return `answered with ${header('content-type')}`
  const { error, error_description: description } = JSON.parse(body) as Record<string, unknown>
  if (error !== 'invalid_request') return `answered with the error ${String(error)}`
  if (typeof description !== 'string' || !/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/.test(description))
    return 'answered with no error_description, or with characters that are not allowed in it'
  return undefined
}
