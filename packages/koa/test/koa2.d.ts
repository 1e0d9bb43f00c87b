// No types are installed for the alias koa2. The types of Koa 3 fit the part of Koa 2 that the tests use.
declare module 'koa2' {
  export { default } from 'koa'
}
