/** What a spec's phases become: order, changes from outside, what is frozen, what cannot be trained. */
import { describe, expect, it } from 'vitest'
import type { Model } from '../../compiler/check/model.js'
import { checkFile } from '../../compiler/compile.js'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { phaseAt, phasesOf } from '../../runtime/train/phases.js'
import { memoryHost } from '../host.js'
import { modelOf } from '../shipped.js'

function read(train: string, outer = '', inner = ''): Model {
  const source = `
model S { ${inner} level 16 { channels 32  blocks 1 } }
model T nests S { ${outer} level 32 { channels 32  blocks 1 } level 16 { channels 32  blocks 1 } }
${train}`
  const { models, diagnostics } = checkFile('mine.mdm', memoryHost({ 'mine.mdm': source }))
  expect(diagnostics.map(({ message }) => message)).toEqual([])
  const model = models.at(-1)
  if (model === undefined) throw new Error('no model')
  return model
}

function planned(model: Model, changes: Parameters<typeof phasesOf>[1] = {}) {
  const found = new DiagnosticList()
  return { phases: phasesOf(model, changes, found.report), codes: found.all.map(({ code }) => code) }
}

const both =
  'train T { optimizer adamw { rate 2e-4 } phase S { steps 5 batch 3 } phase T { steps 7 batch 2 rate 1e-5 mix 2:1 } }'

describe('phases', () => {
  it('follow each other, each with its own part of the nest', () => {
    const { phases = [] } = planned(read(both))
    expect(
      phases.map(({ model, firstStep, steps, batch, rate }) => [model.name, firstStep, steps, batch, rate]),
    ).toEqual([
      ['S', 0, 5, 3, 2e-4],
      ['T', 5, 7, 2, 1e-5],
    ])
    expect(phases.map(({ model }) => model.diffusion.mix)).toEqual([[], [2, 1]])
    expect([0, 4, 5, 11, 12].map((step) => phaseAt(phases, step))).toEqual([0, 0, 1, 1, 1])
  })
  it('can be made shorter from outside', () => {
    const { phases = [] } = planned(read(both), { steps: 2, batch: 1 })
    expect(phases.map(({ firstStep, steps, batch }) => [firstStep, steps, batch])).toEqual([
      [0, 2, 1],
      [2, 2, 1],
    ])
  })
  it('are one of the whole model where the spec has none', () => {
    const { phases = [] } = planned(read(''), { steps: 4, batch: 2 })
    expect(phases.map(({ model, steps, batch, rate }) => [model.name, steps, batch, rate])).toEqual([['T', 4, 2, 1e-4]])
    expect(planned(read(''), { steps: 4 })).toEqual({ phases: undefined, codes: ['MDM1101'] })
  })
  it.each([
    ['by the phase', read('train T { phase T { steps 1 batch 1 freeze nested } }')],
    ['by the model', read('train T { phase T { steps 1 batch 1 } }', 'inner { frozen yes }')],
  ])('leave what is nested as it is, %s', (_, model) => {
    const [phase] = planned(model).phases ?? []
    expect(['conv_in.weight', 'inner_unet.conv_in.weight'].map((name) => phase?.frozen({ name }))).toEqual([
      false,
      true,
    ])
  })
  it.each([
    ['random_interpolation', read(both, 'diffusion { random_interpolation yes }')],
    ['frame_choice', read(both, 'diffusion { frame_choice random }')],
    ['image', read(both, 'image 5', 'image 5')],
  ])('refuse %s', (_, model) => {
    expect(planned(model)).toEqual({ phases: undefined, codes: ['MDM1102'] })
  })
})

it.each([
  ['S64', [['S64', 500_000, 64]]],
  [
    'S64S256',
    [
      ['S64', 500_000, 64],
      ['S64S256', 500_000, 32],
    ],
  ],
  [
    'S64S256S1024',
    [
      ['S64', 500_000, 64],
      ['S64S256', 500_000, 32],
      ['S64S256S1024', 100_000, 12],
    ],
  ],
  [
    'S64T16S256',
    [
      ['S64T16', 500_000, 8],
      ['S64T16S256', 300_000, 4],
    ],
  ],
  [
    'imagenet-S64S256',
    [
      ['ImageNetS64', 100_000, 64],
      ['ImageNetS64S256', 375_000, 32],
    ],
  ],
] as const)('%s is trained as published (Appendix B and table 3)', (file, expected) => {
  const model = modelOf(`models/${file}.mdm`)
  const { phases = [] } = planned(model)
  expect(phases.map((phase) => [phase.model.name, phase.steps, phase.batch])).toEqual(expected)
  expect(model.training).toMatchObject({
    optimizer: {
      kind: 'adamw',
      rate: 1e-4,
      betas: [0.9, 0.99],
      epsilon: 1e-8,
      weightDecay: 0,
      warmup: 30_000,
      clip: 2,
    },
    average: 0.9999,
    precision: 'bfloat16',
  })
})
