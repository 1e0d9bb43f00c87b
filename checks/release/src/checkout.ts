import { execFileSync } from 'node:child_process'
import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'

/** Copies a checkout to a new repository. The copy has the current content of all files that git tracks or would add. */
export function copyCheckout(from: string, to: string): void {
  const git = (cwd: string, ...args: string[]): string => execFileSync('git', args, { cwd, encoding: 'utf8' })
  const files = git(from, 'ls-files', '--cached', '--others', '--exclude-standard', '-z').split('\0')
  for (const file of files.filter((file) => file !== '' && existsSync(join(from, file)))) {
    cpSync(join(from, file), join(to, file), { verbatimSymlinks: true })
  }
  git(to, 'init', '--quiet')
  git(to, 'add', '--all')
  git(to, '-c', 'user.name=rehearsal', '-c', 'user.email=rehearsal@localhost', 'commit', '--quiet', '--message=A copy')
}
