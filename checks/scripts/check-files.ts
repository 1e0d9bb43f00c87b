// Checks that every file has a known type and is in a known folder. This keeps saved output and stray folders out of commits. Also
// checks that no code span of a text is split over two lines, because tests read code spans, and readers copy them.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { basename, extname } from 'node:path'

const extensions = new Set('.capnp .cjs .css .cts .js .json .md .mjs .png .sh .svg .ts .tsx .yaml .yml'.split(' '))
const names = new Set(['CODEOWNERS', 'LICENSE', '.gitignore', 'run'])
const folders = new Set('.changeset .ci .devcontainer .github checks docs examples packages'.split(' '))

function faultOf(file: string): string | undefined {
  const [folder, ...rest] = file.split('/')
  if (rest.length > 0 && !folders.has(folder!)) return 'is in an unknown folder'
  const isSnapshot = file.startsWith('checks/api/') && extname(file) === '.txt'
  const isKnown = extensions.has(extname(file)) || names.has(basename(file)) || isSnapshot
  return isKnown ? undefined : 'is of an unknown kind'
}

/** Returns the number of the first line outside code blocks that has half a code span. */
function splitSpanOf(text: string): number | undefined {
  let isCode = false
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trimStart().startsWith('```')) isCode = !isCode
    else if (!isCode && line.split('`').length % 2 === 0) return index + 1
  }
  return undefined
}

// Includes new files that git does not ignore, because the next commit could contain them.
const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
const files = list.trim().split('\n')
const faults = files.flatMap((file) => {
  const fault = faultOf(file)
  if (fault !== undefined) return [`${file} ${fault}: remove it, or change check-files.ts`]
  const line = extname(file) === '.md' && existsSync(file) && splitSpanOf(readFileSync(file, 'utf8'))
  return line ? [`${file}:${line} splits a code span over two lines`] : []
})
for (const fault of faults) console.error(fault)
console.log(`${files.length} files, ${faults.length} faults`)
if (faults.length > 0) process.exitCode = 1
