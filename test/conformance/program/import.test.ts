/**
 * Every recorded configuration as a YAML file, through the command line alone: imported, formatted, checked, compiled,
 * and the written file run in ONNX Runtime with no more knowledge than the manifest's.
 */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { fromGrid, toGrid } from '../../../runtime/verify/grid.js'
import { ruleWeights } from '../../../runtime/weights/rule.js'
import { writeSafetensors } from '../../../runtime/weights/write-safetensors.js'
import type { Tensor } from '../../../compiler/ir/tensor.js'
import { Folder, mdmc, succeed } from '../../cli/run.js'
import { readManifest, relativeError, runFile, type Manifest, type Tensors } from '../../cli/session.js'
import { noReport } from '../../shipped.js'
import { denoisers, figuresOf, parametersOf, readCaseFile } from '../cases.js'

const folder = new Folder()

const spec = (name: string) => folder.at(`${name}.mdm`)

function writeYaml(name: string, figures: ReadonlyMap<string, Tensor>): string {
  const { reference_config, sizes } = readCaseFile(name)
  const file = {
    name,
    ...(figures.has('in.labels') ? { categorical_conditioning: 1 } : {}),
    unet_config: reference_config,
    reader_config: { image_size: sizes[0] },
  }
  return folder.write(`${name}.yaml`, stringify(file))
}

/** The recorded inputs under the names of the manifest; what is not recorded has its default. */
function inputsOf(name: string, { files, resolutions }: Manifest, figures: ReadonlyMap<string, Tensor>): Tensors {
  const { sizes } = readCaseFile(name)
  const names = new Map([
    ['text', 'in.lm_outputs'],
    ['text_mask', 'in.lm_mask'],
    ['label', 'in.labels'],
    ...resolutions.map(({ input }, i) => [input, `in.x_${sizes[i] ?? 0}`] as const),
  ])
  const times = figures.get('in.times')
  const rows = times?.shape[0] ?? 0
  const entries = (files[0]?.inputs ?? []).map(({ name: input, default: standard = NaN }) => {
    const recorded = figures.get(names.get(input) ?? `in.${input}`)
    if (recorded === undefined) return [input, { shape: [rows], data: new Float32Array(rows).fill(standard) }] as const
    const frames = resolutions.find((resolution) => resolution.input === input)?.frames ?? 1
    return [input, frames > 1 ? fromGrid(recorded, frames) : recorded] as const
  })
  return Object.fromEntries(entries)
}

describe.each(denoisers)('%s', (name) => {
  let figures: ReadonlyMap<string, Tensor>

  beforeAll(async () => {
    figures = await figuresOf(name)
    await succeed(['import', writeYaml(name, figures), '-o', spec(name)])
  })

  it('compiles to the recorded parameters and predictions', async () => {
    const file = readCaseFile(name)
    const parameters = parametersOf(file)
    const rule = ruleWeights(parameters)
    const weights = folder.at(`${name}.safetensors`)
    await writeSafetensors(weights, rule.entries, ({ name: path }) => rule.read(path), noReport)
    const mixed = file.batches === undefined ? [] : ['--mixed-batch']
    await succeed(['compile', spec(name), '--weights', weights, '-o', folder.at(name), ...mixed])

    const manifest = readManifest(folder.at(name))
    expect(manifest.parameters.map(({ name: path, shape }) => ({ name: path, shape }))).toEqual(parameters)
    const found = await runFile(folder.at(name, 'denoiser.onnx'), inputsOf(name, manifest, figures))
    expect(Object.keys(found)).toEqual(manifest.resolutions.map(({ prediction }) => prediction))
    for (const [i, { prediction, frames }] of manifest.resolutions.entries()) {
      const result = found[prediction]
      const image = result && frames > 1 ? toGrid(result) : result
      expect(relativeError(image, figures.get(`out.pred_${file.sizes[i] ?? 0}`)), prediction).toBeLessThan(6e-6)
    }
  })
})

it('writes files that are formatted and without mistakes', async () => {
  const specs = denoisers.map(spec)
  expect((await mdmc(['fmt', '--check', ...specs])).out).toBe('')
  const { out, err } = await succeed(['check', ...specs])
  expect(err).toBe('')
  expect(out.trimEnd().split('\n').length).toBe(specs.length)
})

it('writes what a reader would', () => {
  expect(readFileSync(spec('nested2-text'), 'utf8')).toMatchInlineSnapshot(`
    "// The file says nothing of diffusion, so that the schedule and the loss of the paper stand.

    model nested2_text_8 {
      condition text { width 24  project 32  masked no }
      micro scale 8

      level 8 { channels 64  blocks 1 }
      level 4 { channels 64  blocks 1  attention 1 }
      middle { attention 1 }
    }

    model nested2_text nests nested2_text_8 {
      micro scale 32

      level 32 { channels 32  blocks 2 }
      level 16 { channels 32  blocks 2 }
      level 8 { channels 64  blocks 1 }
    }
    "
  `)
})
