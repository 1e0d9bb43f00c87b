// Measures one section in its own process. So a section cannot change how the engine optimizes the next section.
import { full, quick } from './measure/scale.ts'
import { sections, type SectionName } from './sections.ts'

const [name, size] = process.argv.slice(2)
const rows = await sections[name as SectionName](size === 'quick' ? quick : full)
process.send!(rows, () => process.exit())
