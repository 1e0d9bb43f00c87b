import type { NextConfig } from 'next'

export default {
  distDir: 'dist',
  poweredByHeader: false,
  // Auth.js needs the original address. Next.js would replace 127.0.0.1 by `localhost`.
  skipProxyUrlNormalize: true,
  // The build skips the type check, because the script `types` checks the types.
  typescript: { ignoreBuildErrors: true },
  // Writing this cache takes longer than the time that it saves.
  experimental: { turbopackFileSystemCacheForBuild: false },
} satisfies NextConfig
