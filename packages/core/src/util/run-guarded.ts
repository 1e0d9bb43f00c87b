/** Runs code of the application. Passes its error to `onError`, and neither throws nor waits. */
export const runGuarded = (work: () => unknown, onError: (error: unknown) => void = () => {}): void => {
  new Promise((resolve) => resolve(work())).catch(onError)
}
