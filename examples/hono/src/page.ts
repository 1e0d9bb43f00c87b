import { createPages } from './shared/pages.ts'

export const { signedInPage, signedOutPage, signInFailedPage } = createPages({
  title: 'Hono example',
  color: '#ff5b11',
})
