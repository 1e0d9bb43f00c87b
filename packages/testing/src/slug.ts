/** Turns a name into an id: its words, joined by hyphens. */
export const slug = (name: string): string =>
  name
    .replaceAll(/[^\w+]+/g, '-')
    .replaceAll('_', '-')
    .replaceAll(/^-+|-+$/g, '')
