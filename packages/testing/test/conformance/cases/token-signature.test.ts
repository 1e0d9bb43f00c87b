import { findFaults } from '../faults/find-faults.ts'
import { signatureFaults } from '../faults/signature-faults.ts'

findFaults(signatureFaults)
