/** Every model and example that comes with mdmc: checked, formatted, and saying what it should. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { partsOf } from '../compiler/check/model.js'
import { format } from '../compiler/syntax/format.js'
import { filesOf, graphOf, modelOf, modelsOf } from './shipped.js'

const all = [...filesOf('models'), ...filesOf('models/std'), ...filesOf('examples')]

it('are as many as there should be', () => {
  expect(filesOf('models').length).toBeGreaterThanOrEqual(11)
  expect(filesOf('examples').length).toBeGreaterThanOrEqual(6)
})

describe.each(all)('%s', (path) => {
  it('has no mistakes', () => {
    expect(modelsOf(path).length > 0).toBe(path !== 'models/std/blocks.mdm')
  })

  it('is formatted', () => {
    const source = readFileSync(path, 'utf8')
    expect(format(path, source).text).toBe(source)
  })
})

describe('sections', () => {
  const example = modelOf('examples/nested.mdm')

  it('train', () => {
    expect(example.training).toMatchObject({
      optimizer: { kind: 'adamw', rate: 1e-4, betas: [0.9, 0.99], warmup: 1000, clip: 2 },
      average: 0.9999,
      phases: [
        { model: 'Small', steps: 10_000, batch: 64 },
        { model: 'SmallOfTwo', steps: 10_000, batch: 32, mix: [2, 1] },
      ],
    })
  })

  it('sample', () => {
    expect(example.sampling).toMatchObject({
      method: 'ddpm',
      steps: 250,
      guidance: 1.5,
      threshold: { kind: 'dynamic', quantile: 0.995 },
    })
  })

  it('diffusion, which a nest takes over from what is inside', () => {
    const inherited = { steps: 1000, schedule: { kind: 'cosine' }, predict: 'v' }
    expect(example.diffusion).toMatchObject({ ...inherited, shifted: true })
    expect(modelOf('models/S64S256.mdm').diffusion).toMatchObject({ ...inherited, shifted: true })
    expect(modelOf('models/S64.mdm').diffusion).toMatchObject({ ...inherited, shifted: false })
  })
})

describe('the paper says', () => {
  it.each([
    ['S64', [64], [1]],
    ['S64S256', [256, 64], [1, 1]],
    ['S64S128S256', [256, 128, 64], [1, 1, 1]],
    ['S64S256S1024', [1024, 256, 64], [1, 1, 1]],
    ['S64S128S256S512S1024', [1024, 512, 256, 128, 64], [1, 1, 1, 1, 1]],
    ['S64T16', [64, 64], [16, 1]],
    ['S64T16S256', [256, 64, 64], [16, 16, 1]],
  ])('%s works at the sides %j', (name, sides, frames) => {
    const parts = partsOf(modelOf(`models/${name}.mdm`))
    expect(parts.map((part) => part.side)).toEqual(sides)
    expect(parts.map((part) => part.frames)).toEqual(frames)
  })

  it('ImageNet: a label, which no attention sees', () => {
    const graph = graphOf(modelOf('models/imagenet-S64S256.mdm'))
    expect(graph.inputs.map(({ name }) => name)).toEqual(['x_256', 'x_64', 'times', 'label'])
    const names = graph.parameters.map(({ name }) => name)
    expect(names).toContain('inner_unet.cond_emb.weight')
    expect(names.filter((name) => name.includes('kv_cond') || name.includes('norm_cond'))).toEqual([])
  })
})
