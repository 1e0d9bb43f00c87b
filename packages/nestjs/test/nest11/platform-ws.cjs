module.exports = require('@nestjs/platform-ws')
