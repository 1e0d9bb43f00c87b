import { findFaults } from '../faults/find-faults.ts'
import { tokenFaults } from '../faults/token-faults.ts'

findFaults(tokenFaults)
