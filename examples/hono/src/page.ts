import { createPages } from './shared/pages.ts'

export const { signedInPage, signedOutPage, signInFailedPage } = createPages({
  title: 'Hono example',
  color: '#d9480f',
})
