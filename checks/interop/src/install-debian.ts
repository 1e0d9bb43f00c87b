import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from './cache-folder.ts'
import { requireCommands, UnavailableError } from './unavailable.ts'

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** Packages of a Debian release, unpacked into a folder. Nothing is installed into the system. */
export interface DebianPackages {
  /** The folder that has `usr`, `etc` and `var`. */
  root: string
  /**
   * The dynamic linker of the folder and its arguments. Append the path of a program to start this program with the
   * libraries of the folder.
   */
  loader: readonly [command: string, ...args: string[]]
  versionOf(name: string): string
}

/**
 * Unpacks packages of a Debian release with all their dependencies, even the C library. So the programs run on any release.
 * The packages come from the Debian mirror that this machine's apt uses. The user's cache folder keeps them.
 */
export function installDebian(release: string, packages: readonly string[]): DebianPackages {
  const key = createHash('sha256').update(packages.join(' ')).digest('hex').slice(0, 8)
  const folder = join(cacheFolder(), `${release}-${key}`)
  if (!existsSync(folder)) {
    const unfinished = mkdtempSync(`${folder}-`)
    try {
      download(unfinished, release, packages)
      renameSync(unfinished, folder)
    } finally {
      rmSync(unfinished, { recursive: true, force: true })
    }
  }
  const root = join(folder, 'root')
  const libraries = join(root, 'usr/lib', only(join(root, 'usr/lib'), /-linux-gnu\w*$/))
  return {
    root,
    loader: [join(libraries, only(libraries, /^ld-linux.*\.so\.\d+$/)), '--library-path', libraries],
    versionOf(name) {
      const [, version] = only(join(folder, 'archives'), new RegExp(`^${name}_.*\\.deb$`)).split('_')
      return decodeURIComponent(version!)
    },
  }
}

/**
 * Downloads the packages to `archives`, and unpacks their files to `root`. Uses a separate configuration of apt, with
 * an empty list of installed packages.
 */
function download(folder: string, release: string, packages: readonly string[]): void {
  const mirror = debianMirror()
  const at = (...path: string[]) => join(folder, ...path)
  for (const path of ['state/lists/partial', 'archives/partial', 'root']) mkdirSync(at(path), { recursive: true })
  writeFileSync(at('status'), '')
  writeFileSync(at('sources.list'), `deb [signed-by=${keyring}] ${mirror} ${release} main\n`)
  const options = [
    `Dir::State=${at('state')}`,
    `Dir::State::status=${at('status')}`,
    `Dir::Cache=${folder}`,
    `Dir::Cache::archives=${at('archives')}`,
    `Dir::Etc::sourcelist=${at('sources.list')}`,
    'Dir::Etc::sourceparts=-',
    `APT::Sandbox::User=${process.env['USER'] ?? 'root'}`,
  ].flatMap((option) => ['-o', option])
  const apt = (...args: string[]) => execFileSync('apt-get', ['-qq', ...options, ...args], { stdio: 'inherit' })
  apt('update')
  apt('install', '--download-only', '--yes', '--no-install-recommends', ...packages)
  const archives = readdirSync(at('archives')).filter((name) => name.endsWith('.deb'))
  for (const name of archives) execFileSync('dpkg-deb', ['-x', at('archives', name), at('root')], { stdio: 'inherit' })
  rmSync(at('state'), { recursive: true })
}

/** The first address among apt's sources that is a Debian archive. */
function debianMirror(): string {
  requireCommands('apt-get', 'dpkg-deb')
  const targets = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI)'], { encoding: 'utf8' })
  const mirror = targets.split('\n').find((uri) => /\/debian\/?$/.test(uri))
  if (mirror === undefined || !existsSync(keyring))
    throw new UnavailableError('it is a Debian package, and the apt of this machine has no Debian mirror')
  return mirror
}

function only(folder: string, pattern: RegExp): string {
  const names = readdirSync(folder).filter((name) => pattern.test(name))
  if (names.length !== 1) throw new Error(`${folder} has ${names.length} files like ${pattern}`)
  return names[0]!
}
