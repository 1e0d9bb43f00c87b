import { createPages } from './shared/pages.ts'

export const { signedInPage, signedOutPage, signInFailedPage } = createPages({
  title: 'Koa example',
  color: '#5b5b8c',
})
