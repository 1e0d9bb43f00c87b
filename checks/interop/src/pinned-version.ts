import { readFileSync } from 'node:fs'

/** The version of a dependency. package.json names one version, not a range. */
export function pinnedVersion(name: string): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { dependencies: Record<string, string> }).dependencies[name]!
}
