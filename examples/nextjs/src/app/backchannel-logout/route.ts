import { application } from '../../application.ts'

const handle = async (request: Request): Promise<Response> => (await application()).logout.handle(request)

// Exports all methods, so that the endpoint itself answers wrong methods.
export {
  handle as DELETE,
  handle as GET,
  handle as HEAD,
  handle as OPTIONS,
  handle as PATCH,
  handle as POST,
  handle as PUT,
}
