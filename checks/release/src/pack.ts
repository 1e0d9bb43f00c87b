// The pack step of a release. It builds every package. Then it writes the tarball and the software bill of materials of each
// package to a folder.
import { execFileSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

const [folder, repository] = process.argv.slice(2)
if (folder === undefined) throw new Error('usage: node checks/release/src/pack.ts <folder> [URL of the repository]')
const destination = resolve(folder)
const pnpm = (...args: string[]): void => void execFileSync('pnpm', args, { stdio: 'inherit' })

// Provenance contains the address of the repository in which the workflow ran. The registry compares this address with the
// manifest. The manifests in the repository have no address, so that a fork does not publish the address of another repository.
if (repository !== undefined) {
  for (const file of globSync('packages/*/package.json')) {
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as object
    const directory = dirname(file)
    const addresses = {
      homepage: `${repository}/tree/main/${directory}#readme`,
      bugs: `${repository}/issues`,
      repository: { type: 'git', url: `git+${repository}.git`, directory },
    }
    writeFileSync(file, `${JSON.stringify({ ...manifest, ...addresses }, null, 2)}\n`)
  }
}

mkdirSync(destination, { recursive: true })
const packages = ['--filter', './packages/*']
// Removes old output. A file from an earlier build must not be published.
for (const dist of globSync('packages/*/dist')) rmSync(dist, { recursive: true })
pnpm('exec', 'turbo', 'run', 'build', '--force', '--filter=./packages/*', '--output-logs=errors-only')
pnpm('--recursive', ...packages, 'pack', '--pack-destination', destination)
pnpm('sbom', ...packages, '--sbom-format=cyclonedx', '--prod', '--split', `--out=${destination}/%s-%v.cdx.json`)
