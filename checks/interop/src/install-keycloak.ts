import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from './cache-folder.ts'
import { requireCommands } from './unavailable.ts'

/** The version that is installed if KEYCLOAK_HOME is not set. */
const version = '26.7.3'

/** Returns the folder of a Keycloak: KEYCLOAK_HOME, or a copy from Maven in the user's cache folder. */
export function installKeycloak(): string {
  requireCommands('java')
  const home = process.env['KEYCLOAK_HOME']
  if (home) return home
  const cache = cacheFolder()
  const folder = join(cache, `keycloak-${version}`)
  if (existsSync(join(folder, 'version.txt'))) return folder
  requireCommands('mvn', 'unzip')
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'inherit' })
  const artifact = `org.keycloak:keycloak-quarkus-dist:${version}:zip`
  run('mvn', '-q', '-B', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${cache}`)
  run('unzip', '-q', '-o', join(cache, `keycloak-quarkus-dist-${version}.zip`), '-d', cache)
  return folder
}
