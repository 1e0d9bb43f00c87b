/** The amount of work: enough for reliable figures, or just enough to see that everything works. */
export interface Scale {
  rounds: number
  /** Rounds that do not count. */
  warmUps: number
  /** How often the servers of a comparison are started. The rounds are divided among these starts. */
  processes: number
  /** Tokens in one burst. */
  tokens: number
  /** Checks in one burst. */
  checks: number
  /** Pages in one burst. */
  pages: number
  /** Sessions that ask for pages in random order. */
  sessions: number
  /** Bodies in one burst. */
  bodies: number
  /** Remembered logouts to compare. */
  remembered: readonly [few: number, many: number]
  /** Logouts of one subject. */
  ofOneSubject: number
  /** Logouts whose memory is measured. */
  weighed: number
  /** Rounds of measures that take seconds each. */
  slowRounds: number
  /** Markers that are not yet in the store when a process ends. */
  pending: number
  /** Pages that wait for the end of one session. */
  watches: number
}

export const full: Scale = {
  rounds: 32,
  warmUps: 6,
  processes: 4,
  tokens: 512,
  checks: 25_000,
  pages: 1500,
  sessions: 10_000,
  bodies: 200,
  remembered: [10_000, 1_000_000],
  ofOneSubject: 5000,
  weighed: 20_000,
  slowRounds: 3,
  pending: 3000,
  watches: 50_000,
}

export const quick: Scale = {
  rounds: 2,
  warmUps: 1,
  processes: 1,
  tokens: 32,
  checks: 500,
  pages: 64,
  sessions: 100,
  bodies: 20,
  remembered: [100, 1000],
  ofOneSubject: 100,
  weighed: 500,
  slowRounds: 1,
  pending: 100,
  watches: 1000,
}
