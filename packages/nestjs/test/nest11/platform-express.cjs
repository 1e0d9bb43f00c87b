module.exports = require('@nestjs/platform-express')
