import { createPages } from './shared/pages.ts'

export const { signedInPage, signedOutPage, signInFailedPage } = createPages({
  title: 'NestJS example',
  color: '#c81d44',
})
