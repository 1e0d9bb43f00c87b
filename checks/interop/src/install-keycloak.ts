import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The version that is installed if KEYCLOAK_HOME is not set. */
const version = '26.7.3'

/** Returns the folder of a Keycloak: KEYCLOAK_HOME, or a copy from Maven in the user's cache folder. */
export async function installKeycloak(): Promise<string> {
  const home = process.env['KEYCLOAK_HOME']
  if (home) return home
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'bcl-interop')
  const folder = join(cache, `keycloak-${version}`)
  if (existsSync(join(folder, 'version.txt'))) return folder
  await mkdir(cache, { recursive: true })
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'inherit' })
  const artifact = `org.keycloak:keycloak-quarkus-dist:${version}:zip`
  run('mvn', '-q', '-B', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${cache}`)
  run('unzip', '-q', '-o', join(cache, `keycloak-quarkus-dist-${version}.zip`), '-d', cache)
  return folder
}
