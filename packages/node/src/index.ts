export { backchannelLogout } from './backchannel-logout.js'
export { readBody } from './read-body.js'
export { respondTo } from './respond-to.js'
export { sendResponse } from './send-response.js'
