// No types are installed for the alias fastify4. The types of Fastify 5 fit the part of Fastify 4 that the tests use.
declare module 'fastify4' {
  export { default } from 'fastify'
}
