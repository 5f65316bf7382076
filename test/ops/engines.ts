/** The engines that every op is tried on. */
import type { Engine } from '../../backends/engine.js'
import { reference } from '../../backends/reference/engine.js'

export interface EngineUnderTest {
  readonly engine: Engine
  readonly device: string
  /** How far its numbers may be from the exact ones, relative to max(1, |number|). */
  readonly tolerance: number
}

export const engines: readonly EngineUnderTest[] = [{ engine: reference, device: 'cpu', tolerance: 1e-6 }]
