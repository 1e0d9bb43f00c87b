import { findFaults } from './conformance/find-faults.ts'
import { sessionFaults } from './conformance/session-faults.ts'

findFaults(sessionFaults)
