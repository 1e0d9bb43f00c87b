// Compares the public types of each package with checks/api, so that a review shows each change. Comments are left out. With
// --write, writes checks/api.
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

interface Manifest {
  exports: Record<string, { types: string }>
}

/** Returns the declarations that an entry of a package imports, in the order of their paths. */
function declarationsOf(folder: string, entry: string): string {
  const found = new Map<string, string>()
  const visit = (file: string): void => {
    if (found.has(file)) return
    const text = readFileSync(file, 'utf8')
      .replaceAll(/^\s*\/\*\*[\s\S]*?\*\/\n?/gm, '')
      .replaceAll(/^\s*\/\/.*\n/gm, '')
    found.set(file, text)
    for (const [, to] of text.matchAll(/(?:from |import\()["'](\.[^"']+)\.js["']/g))
      visit(join(dirname(file), `${to}.d.ts`))
  }
  visit(join(folder, entry))
  const sorted = [...found].sort(([one], [other]) => (one < other ? -1 : 1))
  return sorted.map(([file, text]) => `// ${relative(`${folder}/dist`, file)}\n${text.trim()}\n`).join('\n')
}

mkdirSync('checks/api', { recursive: true })
/** For each entry of each package: the snapshot, and the current types. */
const entries = globSync('packages/*')
  .sort()
  .flatMap((folder) => {
    const { exports } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Manifest
    return Object.entries(exports).map(([path, { types }]) => {
      const name = path.replace('.', folder.slice('packages/'.length)).replace('/', '-')
      return [folder, `checks/api/${name}.txt`, declarationsOf(folder, types)] as const
    })
  })
for (const [folder, snapshot, types] of entries) {
  if (existsSync(snapshot) && readFileSync(snapshot, 'utf8') === types) continue
  if (process.argv.includes('--write')) {
    writeFileSync(snapshot, types)
    console.log(`${snapshot} is written`)
  } else {
    console.error(
      `the public types of ${folder} differ from ${snapshot}: run \`pnpm check api --write\` and look at the diff`,
    )
    process.exitCode = 1
  }
}
