// Measures one section in a process of its own, so that no section changes what the engine knows of the next one.
import { full, quick } from './scale.ts'
import { sections, type SectionName } from './sections.ts'

const [name, size] = process.argv.slice(2)
const rows = await sections[name as SectionName](size === 'quick' ? quick : full)
process.send!(rows, () => process.exit())
