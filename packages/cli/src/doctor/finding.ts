/** What `bcl doctor` sees. */
export interface DoctorFinding {
  level: 'good' | 'warning' | 'problem'
  what: string
  remedy?: string
}

export const good = (what: string): DoctorFinding => ({ level: 'good', what })
export const warning = (what: string, remedy: string): DoctorFinding => ({ level: 'warning', what, remedy })
export const problem = (what: string, remedy: string): DoctorFinding => ({ level: 'problem', what, remedy })

/** Whether an address is one of a private network, by its form (RFC 1918, RFC 6762 and the like). */
export const isPrivate = (url: string): boolean =>
  /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|\[f[cd])|\.(?:local|internal|lan)$/.test(
    new URL(url).hostname,
  )

/** Whether an address is that of this machine. */
export const isLoopback = (url: string): boolean =>
  /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(new URL(url).hostname)
