import type { ReactNode } from 'react'

import './page.css'

export const metadata = { title: 'Next.js example' }

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <h1>Next.js example</h1>
        {children}
      </body>
    </html>
  )
}
