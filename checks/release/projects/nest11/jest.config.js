// With Node 24.9 or later, run by `node --experimental-vm-modules node_modules/.bin/jest`: nothing else is needed.
module.exports = {
  preset: 'ts-jest',
  moduleFileExtensions: ['ts', 'js', 'mjs'],
  testMatch: ['**/*.test.ts', '**/*.test.mjs'],
}
