/** The text of a graph. */
import { expect, it } from 'vitest'
import { symbol } from '../../compiler/ir/dimension.js'
import { GraphBuilder } from '../../compiler/ir/builder.js'
import type { Module } from '../../compiler/ir/graph.js'
import { floats } from '../../compiler/ir/tensor.js'
import { printGraph } from '../../compiler/ir/print.js'
import { weight } from '../passes/graphs.js'

it('prints blocks, layers, parameters and constants where they are read', () => {
  const builder = new GraphBuilder('denoiser')
  const { b } = builder
  const root = builder.origin.module
  const block: Module = { path: 'down_blocks.0.resnets.0', kind: 'residual', parent: root }
  const layer = (name: string, kind: string) => {
    builder.origin = { module: { path: `${block.path}.${name}`, kind, parent: block } }
  }
  const kernel = weight(`${block.path}.conv1.weight`, [8, 4, 3, 3])
  const [scale, bias] = [weight(`${block.path}.norm1.weight`, [4]), weight(`${block.path}.norm1.bias`, [4])]
  const x = builder.input('x_8', { dataType: 'float32', shape: [symbol('batch'), 4, 8, 8] })
  builder.input('label', { dataType: 'int64', shape: [symbol('batch')] })
  layer('norm1', 'group_norm')
  const read = (parameter: typeof kernel) => b.parameter({ parameter })
  const normal = b.groupNorm(x, read(scale), read(bias), { groups: 2, epsilon: 1e-5 })
  builder.origin = { module: block }
  const active = b.silu(normal)
  layer('conv1', 'conv')
  const convolved = b.conv(active, read(kernel), undefined, { stride: 1, padding: 1 })
  builder.origin = { module: root }
  const row = b.tensor(floats([1, 1, 1, 8], [1, 0.5, 0.25, 0, 0, 0, 0, 0]))
  const flat = b.reshape(b.mul(b.add(convolved, 1), row), { shape: [{ coefficient: 8, symbols: ['batch'] }, 64] })
  const y = b.layerNorm(b.slice(flat, { axis: 1, start: 0, end: 32 }), undefined, b.tensor(floats([32])), {
    epsilon: 1e-6,
  })
  expect(printGraph(builder.finish([{ name: 'pred_8', value: y }], [scale, bias, kernel]))).toMatchSnapshot()
})
