import { findFaults } from '../faults/find-faults.ts'
import { requestFaults } from '../faults/request-faults.ts'

findFaults(requestFaults)
