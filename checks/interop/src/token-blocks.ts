const jsonBlock = (value: object): string => `\`\`\`json
${JSON.stringify(value, undefined, 2)}
\`\`\`
`

/** The header and the claims of a token, each as a code block of a page. */
export const tokenBlocks = ({ header, claims }: { header: object; claims: object }): string =>
  `${jsonBlock(header)}\n${jsonBlock(claims)}`
