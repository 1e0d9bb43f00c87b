// No types are installed for the alias express4. The types of Express 5 fit the part of Express 4 that the tests use.
declare module 'express4' {
  export { default } from 'express'
}
