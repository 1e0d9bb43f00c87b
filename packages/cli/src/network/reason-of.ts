/** Returns one line that says why a `fetch` or a connection failed. */
export function reasonOf(error: unknown): string {
  const { name, message, cause, code } = error as NodeJS.ErrnoException
  if (cause instanceof AggregateError) return reasonOf(cause.errors[0])
  if (cause instanceof Error) return reasonOf(cause)
  if (name === 'TimeoutError') return 'no answer in time'
  if (code?.startsWith('ERR_SSL_')) return `no TLS connection (${code})`
  return message || code || name
}
