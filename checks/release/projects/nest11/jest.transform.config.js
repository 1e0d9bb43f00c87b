// For an older Node, or without the flag `--experimental-vm-modules`. Compiles ECMAScript modules in node_modules to CommonJS.
module.exports = {
  transform: { '\\.[jt]s$': ['ts-jest', { tsconfig: 'tsconfig.jest.json' }] },
  transformIgnorePatterns: ['/node_modules/(?!(?:\\.pnpm|@bcl|jose)/)'],
  testMatch: ['**/*.test.ts'],
}
