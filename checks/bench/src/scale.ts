/** How much is done: enough for figures, or just enough to see that it runs. */
export interface Scale {
  rounds: number
  /** Tokens in one round. */
  tokens: number
  /** Checks in one round. */
  checks: number
  /** Pages asked for in one round. */
  pages: number
  /** Bodies in one round. */
  bodies: number
  /** Remembered logouts to compare. */
  remembered: readonly [few: number, many: number]
  /** Logouts of one subject. */
  ofOneSubject: number
  /** Logouts whose memory is measured. */
  weighed: number
  imports: number
  /** Markers that the store has not taken when a process ends. */
  pending: number
  /** Pages that wait for the end of one session. */
  watches: number
}

export const full: Scale = {
  rounds: 15,
  tokens: 1280,
  checks: 100_000,
  pages: 4000,
  bodies: 500,
  remembered: [10_000, 1_000_000],
  ofOneSubject: 10_000,
  weighed: 50_000,
  imports: 21,
  pending: 3000,
  watches: 50_000,
}

export const quick: Scale = {
  rounds: 2,
  tokens: 64,
  checks: 500,
  pages: 64,
  bodies: 20,
  remembered: [100, 1000],
  ofOneSubject: 200,
  weighed: 1000,
  imports: 1,
  pending: 100,
  watches: 1000,
}
