import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** The manifest of a published package. */
export interface Manifest {
  name: string
  version: string
  homepage?: string
  bugs?: string
  repository?: { url: string }
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

export interface Tarball {
  file: string
  manifest: Manifest
}

/** Returns the tarballs of a folder. Each package comes after the packages that it depends on. */
export function tarballsIn(folder: string): Tarball[] {
  const left = readdirSync(folder)
    .filter((file) => file.endsWith('.tgz'))
    .map((file) => ({ file: join(folder, file), manifest: manifestIn(join(folder, file)) }))
  const ordered: Tarball[] = []
  while (left.length > 0) {
    const names = left.map(({ manifest }) => manifest.name)
    const ready = left.findIndex(({ manifest }) => !needs(manifest).some((name) => names.includes(name)))
    if (ready === -1) throw new Error(`these need each other: ${names.join(', ')}`)
    ordered.push(...left.splice(ready, 1))
  }
  return ordered
}

function manifestIn(file: string): Manifest {
  return JSON.parse(execFileSync('tar', ['-xOzf', file, 'package/package.json'], { encoding: 'utf8' })) as Manifest
}

const needs = ({ dependencies, peerDependencies }: Manifest): string[] =>
  Object.keys({ ...dependencies, ...peerDependencies })
