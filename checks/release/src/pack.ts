// The pack step: builds, and puts the tarball and the software bill of materials of every package into a folder.
import { execFileSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

const [folder, repository] = process.argv.slice(2)
if (folder === undefined) throw new Error('usage: node checks/release/src/pack.ts <folder> [URL of the repository]')
const destination = resolve(folder)
const pnpm = (...args: string[]): void => void execFileSync('pnpm', args, { stdio: 'inherit' })

// Provenance names the repository that a workflow ran in, and the registry compares it with the manifest.
if (repository !== undefined) {
  for (const file of globSync('packages/*/package.json')) {
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as object
    const place = { type: 'git', url: `git+${repository}.git`, directory: dirname(file) }
    writeFileSync(file, `${JSON.stringify({ ...manifest, repository: place }, null, 2)}\n`)
  }
}

mkdirSync(destination, { recursive: true })
const packages = ['--filter', './packages/*']
pnpm('exec', 'turbo', 'run', 'build', '--filter=./packages/*', '--output-logs=errors-only')
pnpm('--recursive', ...packages, 'pack', '--pack-destination', destination)
pnpm('sbom', ...packages, '--sbom-format=cyclonedx', '--prod', '--split', `--out=${destination}/%s-%v.cdx.json`)
