/** Runs code of the application. Its failure goes to `onError`, and changes nothing else. */
export const runGuarded = (work: () => unknown, onError: (error: unknown) => void = () => {}): void => {
  new Promise((resolve) => resolve(work())).catch(onError)
}
