// @types/koa has no alias: the types of Koa 3 are right for what is tested under Koa 2.
declare module 'koa2' {
  export { default } from 'koa'
}
