/** Converts a name to an id: its words with hyphens between them. */
export const slug = (name: string): string =>
  name
    .replaceAll(/[^\w+]+/g, '-')
    .replaceAll('_', '-')
    .replaceAll(/^-+|-+$/g, '')
