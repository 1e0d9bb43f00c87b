import type { ReactNode } from 'react'

import { COLOR, LETTER, TITLE } from '../look.ts'
import { icon, iconUrl, styleSheet } from '../shared/look.ts'

export const metadata = { title: TITLE, icons: iconUrl(COLOR, LETTER) }

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <head>
        <style dangerouslySetInnerHTML={{ __html: styleSheet(COLOR) }} />
      </head>
      <body>
        <main>
          <h1>
            <span dangerouslySetInnerHTML={{ __html: icon(COLOR, LETTER) }} />
            {TITLE}
          </h1>
          {children}
        </main>
      </body>
    </html>
  )
}
