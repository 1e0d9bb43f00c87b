import { headers } from 'next/headers'
import type { ReactNode } from 'react'

import { COLOR, LETTER, TITLE } from '../look.ts'
import { icon, iconUrl, styleSheet } from '../shared/look.ts'

export const metadata = { title: TITLE, icons: iconUrl(COLOR, LETTER) }

export default async function Layout({ children }: { children: ReactNode }) {
  const nonce = (await headers()).get('x-nonce') ?? undefined
  return (
    <html lang="en">
      <head>
        <style nonce={nonce} dangerouslySetInnerHTML={{ __html: styleSheet(COLOR) }} />
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
