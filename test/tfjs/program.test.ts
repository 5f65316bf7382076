/** Programs: what a small graph reads like, and how few tensors are moved in a whole model. */
import { describe, expect, it } from 'vitest'
import { textOf } from '../../backends/tfjs/code.js'
import { lower } from '../../backends/tfjs/lower.js'
import { runStatements, type Program } from '../../backends/tfjs/program.js'
import { programText } from '../../backends/tfjs/text.js'
import { symbol } from '../../compiler/ir/dimension.js'
import { buildTraining } from '../../compiler/training.js'
import { noise, TestGraph } from '../onnx/support.js'
import { graphOf, modelOf, noReport } from '../shipped.js'

function countOf(program: Program, call: string): number {
  return runStatements(program).filter((statement) => textOf(statement.code).startsWith(`tf.${call}(`)).length
}

it('reads like a program', () => {
  const g = new TestGraph()
  const x = g.input('x', [symbol('batch'), 3, 8, 8])
  g.within('body.norm')
  const h = g.b.groupNorm(x, g.parameter('body.norm.weight', noise([3])), g.parameter('body.norm.bias', noise([3])), {
    groups: 1,
    epsilon: 1e-5,
  })
  g.within('body.conv')
  const y = g.b.conv(h, g.parameter('body.conv.weight', noise([4, 3, 3, 3])), undefined, { stride: 1, padding: 1 })
  const program = lower(g.finish({ y: g.b.upsample(y, { factor: 2 }) }).graph, { trains: false })
  expect(programText(program)).toMatchSnapshot()
})

describe('the transpositions of a small nested model', () => {
  const model = modelOf('examples/nested.mdm')

  it('are those of attention, and of images that enter and leave', () => {
    expect(countOf(lower(graphOf(model), { trains: false }), 'transpose')).toBe(50)
  })

  it('are in training those of weights, of their gradients and of what these are made from as well', () => {
    expect(countOf(lower(buildTraining(model, noReport), { trains: true }), 'transpose')).toBe(362)
  })
})
