/** Runs code of the application. Passes an error to `onError`. Never throws, and does not wait. */
export const runGuarded = (work: () => unknown, onError: (error: unknown) => void = () => {}): void => {
  new Promise((resolve) => resolve(work())).catch(onError)
}
