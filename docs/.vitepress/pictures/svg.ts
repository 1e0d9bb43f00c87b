/** The style of the diagrams and charts: a card that is readable in light mode and in dark mode. */
const style = `
    .card { fill: #ffffff; stroke: #d0d7de }
    text { fill: #1f2328 }
    .quiet { fill: #59636e }
    .line { stroke: #afb8c1 }
    .box { fill: #f6f8fa; stroke: #d0d7de }
    .arrow { stroke: #0969da }
    .arrow-head { fill: #0969da }
    .good { fill: #1a7f37 }
    .bad { fill: #cf222e }
    .peer { fill: #afb8c1 }
    @media (prefers-color-scheme: dark) {
      .card { fill: #161b22; stroke: #3d444d }
      text { fill: #f0f6fc }
      .quiet { fill: #9198a1 }
      .line { stroke: #59636e }
      .box { fill: #212830; stroke: #3d444d }
      .arrow { stroke: #58a6ff }
      .arrow-head { fill: #58a6ff }
      .good { fill: #3fb950 }
      .bad { fill: #ff7b72 }
      .peer { fill: #59636e }
    }`

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

export interface TextOptions {
  anchor?: 'start' | 'middle' | 'end'
  size?: number
  kind?: 'quiet' | 'good' | 'bad'
  bold?: boolean
}

export function text(x: number, y: number, content: string, options: TextOptions = {}): string {
  const { anchor = 'start', size = 14, kind, bold } = options
  const attributes = [kind && ` class="${kind}"`, bold && ' font-weight="600"'].filter(Boolean).join('')
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="${size}"${attributes}>${escape(content)}</text>`
}

export interface Card {
  width: number
  height: number
  title: string
  /** A description of the picture, for a reader who cannot see the picture. */
  description: string
}

export function card({ width, height, title, description }: Card, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title desc" font-family="system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif">
  <title id="title">${escape(title)}</title>
  <desc id="desc">${escape(description)}</desc>
  <style>${style}
  </style>
  <rect class="card" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
  ${parts.join('\n  ')}
</svg>
`
}
