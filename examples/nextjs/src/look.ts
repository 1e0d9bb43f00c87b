export const TITLE = 'Next.js example'
export const LETTER = 'N'
export const COLOR = '#0a60d0'
