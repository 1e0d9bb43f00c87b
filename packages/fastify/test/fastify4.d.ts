// The tests use Fastify 4 through the types of Fastify 5, which fit the part that the tests use.
declare module 'fastify4' {
  export { default } from 'fastify'
}
