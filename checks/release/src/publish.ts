// The publish step: exactly the tarballs of a folder, as they are. What the registry has already is left, so that a run
// that broke off can be repeated. Further arguments are npm's.
import { execFileSync, spawnSync } from 'node:child_process'
import { tarballsIn } from './tarballs.ts'

const [folder, ...npmArguments] = process.argv.slice(2)
if (folder === undefined) throw new Error('usage: node checks/release/src/publish.ts <folder> [arguments of npm]')

function isPublished(version: string): boolean {
  const { stdout } = spawnSync('npm', ['view', version, 'version', ...npmArguments], { encoding: 'utf8' })
  return stdout.trim() !== ''
}

for (const { file, manifest } of tarballsIn(folder)) {
  const version = `${manifest.name}@${manifest.version}`
  if (isPublished(version)) {
    console.log(`${version} is published already`)
  } else {
    execFileSync('npm', ['publish', file, '--access=public', ...npmArguments], { stdio: 'inherit' })
  }
}
