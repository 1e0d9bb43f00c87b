// The publish step of a release. It publishes the tarballs of a folder unchanged. It skips versions that the registry already
// has, so you can repeat a run that stopped halfway. It passes further arguments to npm.
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
