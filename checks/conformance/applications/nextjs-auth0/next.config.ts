import type { NextConfig } from 'next'

export default {
  distDir: 'dist',
  turbopack: { root: `${import.meta.dirname}/../..` },
  experimental: { turbopackFileSystemCacheForBuild: false },
} satisfies NextConfig
