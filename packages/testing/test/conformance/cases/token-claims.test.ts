import { claimFaults } from '../faults/claim-faults.ts'
import { findFaults } from '../faults/find-faults.ts'

findFaults(claimFaults)
