module.exports = require('@nestjs/testing')
