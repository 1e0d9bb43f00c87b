import { isListOf, isText, requireOption, type Rule } from '@bcl/core/kit'

export const isTextList = isListOf(isText)

/** The rule for an optional secret. Its error message does not show the value. */
export const secret = (test: (value: unknown) => boolean, words: string): Rule => [
  (value, path) => {
    requireOption(test(value), path, words)
    return true
  },
  '',
  undefined,
]

/** The rule for the address of the metadata. */
export const metadataRule: Rule = [(value: unknown) => value instanceof URL, 'must be a URL', undefined]
