// Every file in the repository must have a known kind. This keeps saved output (logs, notes, archives) out of commits.
import { execFileSync } from 'node:child_process'
import { basename, extname } from 'node:path'

const extensions = new Set('.capnp .cjs .cts .js .json .md .mjs .png .svg .ts .yaml .yml'.split(' '))
const names = new Set(['CODEOWNERS', 'LICENSE', '.gitignore', 'run'])

// Includes new files that git does not ignore, because the next commit would contain them.
const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
const files = list.trim().split('\n')
const unknown = files.filter((file) => !extensions.has(extname(file)) && !names.has(basename(file)))
for (const file of unknown) console.error(`${file} has no known kind: remove it, or add its kind to check-files.ts`)
console.log(`${files.length} files, ${unknown.length} of an unknown kind`)
if (unknown.length > 0) process.exitCode = 1
