import { application } from '../../application.ts'

const handle = async (request: Request): Promise<Response> => (await application()).logout.handle(request)

// All methods, so that the endpoint itself refuses the wrong ones.
export {
  handle as DELETE,
  handle as GET,
  handle as HEAD,
  handle as OPTIONS,
  handle as PATCH,
  handle as POST,
  handle as PUT,
}
