import { findFaults } from './conformance/find-faults.ts'
import { tokenFaults } from './conformance/token-faults.ts'

findFaults(tokenFaults)
