/** Cases of every op: an op without a line here does not compile. */
import type { ComputingOp, OpCase } from '../op_case.js'
import { convolutionCases } from './convolutions.js'
import { elementwise } from './elementwise.js'
import { layers } from './layers.js'
import { shape } from './shape.js'

export const cases: Readonly<Record<ComputingOp, readonly OpCase[]>> = {
  ...convolutionCases,
  ...elementwise,
  ...layers,
  ...shape,
}
