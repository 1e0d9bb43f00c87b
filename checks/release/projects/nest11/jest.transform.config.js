// For an older Node, or without the flag `--experimental-vm-modules`. Compiles ECMAScript modules in node_modules to CommonJS.
module.exports = {
  transform: {
    '\\.[jt]s$': ['ts-jest', { tsconfig: { ...require('./tsconfig.json').compilerOptions, allowJs: true } }],
  },
  transformIgnorePatterns: ['/node_modules/(?!(?:\\.pnpm|@bcl|jose)/)'],
  testMatch: ['**/*.test.ts'],
}
