import { json, text, type RequestHandler } from '@sveltejs/kit'

export const GET: RequestHandler = ({ locals }) =>
  locals.claims ? json(locals.claims) : text('You are not signed in. /login signs you in.', { status: 401 })
export {}
