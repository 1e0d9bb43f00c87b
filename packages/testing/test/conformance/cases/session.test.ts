import { findFaults } from '../faults/find-faults.ts'
import { sessionFaults } from '../faults/session-faults.ts'

findFaults(sessionFaults)
