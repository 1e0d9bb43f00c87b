/** One result of a check of `bcl doctor`. */
export interface DoctorFinding {
  level: 'good' | 'warning' | 'problem'
  what: string
  /** The action that solves the problem. Not set if the level is `good`. */
  remedy?: string
}

export const good = (what: string): DoctorFinding => ({ level: 'good', what })
export const warning = (what: string, remedy: string): DoctorFinding => ({ level: 'warning', what, remedy })
export const problem = (what: string, remedy: string): DoctorFinding => ({ level: 'problem', what, remedy })
