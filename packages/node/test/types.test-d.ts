import type { BackchannelLogout, LogoutRequest, LogoutResponse } from '@bcl/core'
import { backchannelLogout, readBody, respondTo, sendResponse } from '@bcl/node'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'

declare const logout: BackchannelLogout
declare const request: IncomingMessage
declare const http2: Http2ServerRequest
declare const response: ServerResponse

createServer(backchannelLogout(logout))
backchannelLogout({
  respond: async ({ method }: LogoutRequest): Promise<LogoutResponse> => ({ status: 202, headers: {}, body: method }),
})
sendResponse(response, await respondTo(logout, request, { body: 'x', rawBody: undefined }))
await logout.respond({ method: 'POST', contentType: null, body: readBody(http2) })

// @ts-expect-error -- the receiver has no respond
backchannelLogout({})
