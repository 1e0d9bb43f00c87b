import { createPages } from './shared/pages.ts'

export const { signedInPage, signedOutPage, signInFailedPage } = createPages({
  title: 'Express example',
  color: '#2f7a4f',
})
