/** The loss as a graph against its formulas written out, for what the recorded cases leave open. */
import { expect, it } from 'vitest'
import { reference } from '../../backends/reference/engine.js'
import { buildDenoiser } from '../../compiler/build/denoiser.js'
import { buildLoss } from '../../compiler/build/loss.js'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { minSnrWeights, schedulesOf, vdmWeights } from '../../compiler/build/schedule.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import { fillNormal } from '../../runtime/random/philox.js'
import { ruleWeights } from '../../runtime/weights/rule.js'
import { noReport } from '../shipped.js'
import { modelOf } from './models.js'

const rows = 3
const side = 8
const size = 3 * side * side
const steps = [0, 41, 99]

function normal(name: string): Float32Array {
  const data = new Float32Array(rows * size)
  fillNormal(data, { seed: 3, name })
  return data
}

const shape = [rows, 3, side, side]
const images: Tensor = { shape, data: normal('images').map((value) => Math.tanh(value)) }
const noise: Tensor = { shape, data: normal('noise') }

const source = (diffusion: string) =>
  `model Plain { level ${side} { channels 32  blocks 1 }  level 4 { channels 32  blocks 1 }  diffusion { steps 100  ${diffusion} } }`

it.each([
  'predict v  measure x0',
  'predict noise  measure v',
  'predict x0  measure noise',
  'predict noise  measure x0',
  'predict x0',
  'predict v  weighting min_snr 5',
  'predict noise  weighting min_snr 3',
  'predict x0  weighting min_snr',
  'predict v  weighting vdm',
  'predict v  signal_scale 2',
  'predict v  schedule sigmoid',
])('%s', async (settings) => {
  const model = modelOf(source(settings))
  const { predict, measure, weighting, signalScale } = model.diffusion
  const [gamma = new Float32Array()] = schedulesOf(model)
  const level = (row: number) => gamma[(steps[row] ?? 0) + 1] ?? NaN
  const at = (row: number) => ({ alpha: Math.sqrt(level(row)), sigma: Math.sqrt(1 - level(row)) })
  const rowOf = (i: number) => Math.floor(i / size)
  const clean = images.data.map((value) => value / signalScale)
  const noisy = clean.map((value, i) => at(rowOf(i)).alpha * value + at(rowOf(i)).sigma * (noise.data[i] ?? 0))

  const denoiser = buildDenoiser(model, noReport)
  const network = await reference.prepare(denoiser, ruleWeights(denoiser.parameters), { device: 'cpu' })
  const outputs = await network.run({
    [`x_${side}`]: { shape, data: Float32Array.from(noisy) },
    times: { shape: [rows], data: Float32Array.from(steps) },
  })
  const prediction = outputs[`pred_${side}`]?.data ?? []

  const expected = steps.map((step, row) => {
    const { alpha, sigma } = at(row)
    let total = 0
    for (let i = row * size; i < (row + 1) * size; i++) {
      const [x0, eps, z, p] = [clean[i] ?? NaN, noise.data[i] ?? NaN, noisy[i] ?? NaN, prediction[i] ?? NaN]
      const said = predict === 'x0' ? p : predict === 'v' ? alpha * z - sigma * p : (z - sigma * p) / alpha
      const wanted = { x0, noise: eps, v: alpha * eps - sigma * x0 }[measure]
      const measured = { x0: said, noise: (z - alpha * said) / sigma, v: (alpha * z - said) / sigma }[measure]
      total += (measured - wanted) ** 2
    }
    const weights =
      weighting.kind === 'vdm'
        ? vdmWeights(gamma)
        : weighting.kind === 'min_snr'
          ? minSnrWeights(gamma, weighting.limit, measure)
          : undefined
    return (total / size) * (weights?.[step + 1] ?? 1)
  })

  const graph = buildLoss(model, noReport)
  const loss = await reference.prepare(graph, ruleWeights(graph.parameters), { device: 'cpu' })
  const { losses } = await loss.run({
    images,
    times: { shape: [rows], data: Float64Array.from(steps) },
    [`noise_${side}`]: noise,
  })
  expected.forEach((value, row) =>
    expect(Math.abs((losses?.data[row] ?? NaN) - value) / value, `row ${row}`).toBeLessThan(2e-4),
  )
})

it('min-SNR weights are what Hang et al. 2023 give, bounded and 0 for nothing', () => {
  const gamma = Float32Array.of(1, 0.99, 0.5, 0.01)
  const snr = Array.from(gamma, (value) => value / (1 - value))
  expect(Array.from(minSnrWeights(gamma, 5, 'noise').slice(1))).toEqual(
    snr.slice(1).map((value) => expect.closeTo(Math.min(value, 5) / value, 5) as number),
  )
  expect(Array.from(minSnrWeights(gamma, 5, 'v').slice(1))).toEqual(
    snr.slice(1).map((value) => expect.closeTo(Math.min(value, 5) / (value + 1), 5) as number),
  )
  expect(minSnrWeights(gamma, 5, 'x0')[0]).toBe(5)
})

it.each([
  ['random_interpolation yes', ''],
  ['frame_choice random', ''],
  // Of a part inside the nest.
  [
    'frame_choice random',
    'model Outer nests Plain { level 16 { channels 32  blocks 1 }  level 8 { channels 32  blocks 1 } }',
  ],
])('is not built where settings are unknown to it: %s', (setting, around) => {
  const found = new DiagnosticList()
  buildLoss(modelOf(`${source(setting)} ${around}`), found.report)
  expect(found.all.map(({ code, message }) => `${code} ${message}`)).toEqual([
    expect.stringMatching(`^MDM1102 .* has \`${setting}\``),
  ])
})
