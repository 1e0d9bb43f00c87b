import type { NextConfig } from 'next'

export default {
  distDir: 'dist',
  poweredByHeader: false,
  // Auth.js needs the address as it is. Next.js would make `localhost` of 127.0.0.1.
  skipProxyUrlNormalize: true,
  // The script `types` checks the types.
  typescript: { ignoreBuildErrors: true },
  // The cache takes longer to write than it saves.
  experimental: { turbopackFileSystemCacheForBuild: false },
} satisfies NextConfig
