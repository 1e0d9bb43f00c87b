// For Node 24.9 or later: `node --experimental-vm-modules node_modules/.bin/jest`. No other setting is needed.
module.exports = {
  preset: 'ts-jest',
  moduleFileExtensions: ['ts', 'js', 'mjs'],
  testMatch: ['**/*.test.ts', '**/*.test.mjs'],
}
