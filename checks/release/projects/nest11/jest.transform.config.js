// With an older Node, or without that flag: what is an ECMAScript module under node_modules is compiled to CommonJS.
module.exports = {
  transform: {
    '\\.[jt]s$': ['ts-jest', { tsconfig: { ...require('./tsconfig.json').compilerOptions, allowJs: true } }],
  },
  transformIgnorePatterns: ['/node_modules/(?!(?:\\.pnpm|@bcl|jose)/)'],
  testMatch: ['**/*.test.ts'],
}
