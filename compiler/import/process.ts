/** The diffusion process of a configuration: what stands under `diffusion_config`. Defaults are the reference's. */
import type { Report } from '../diagnostics/diagnostic.js'
import * as say from '../diagnostics/import.js'
import type { Settings } from './settings.js'

export interface ReferenceDiffusion {
  readonly steps: number
  readonly schedule: string
  readonly beta: readonly [number, number]
  readonly shift: number
  readonly shifted: boolean
  readonly power: number
  readonly signalScale: number
  readonly predict: string
  readonly measure: string | undefined
  readonly threshold: string
  readonly outputScale: number
  readonly vdmWeights: boolean
  readonly allResolutions: boolean
  readonly weights: Ratio | undefined
  readonly mix: Ratio | undefined
  readonly randomInterpolation: boolean
  readonly frameChoice: 'first' | 'random' | 'mean' | 'central'
}

/** Numbers joined by colons, one for each resolution. */
export type Ratio = readonly number[]

type Words = ReadonlyMap<string, string>

const predictions: Words = new Map([
  ['DDPM', 'noise'],
  ['DDIM', 'noise'],
  ['V_PREDICTION', 'v'],
])
const schedules: Words = new Map([
  ['COSINE', 'cosine'],
  ['DDPM', 'ddpm'],
  ['DEEPFLOYD', 'deepfloyd'],
])
const thresholds: Words = new Map([
  ['NONE', 'none'],
  ['CLIP', 'fixed'],
  ['DYNAMIC', 'dynamic'],
  ['DYNAMIC_IF', 'bounded'],
])

/** Whether the file says anything of the process; recorded cases have `diffusion` and `sampler`. */
export function hasProcess(top: Settings): boolean {
  return ['diffusion_config', 'diffusion', 'sampler'].some((key) => top.has(key))
}

/** What a file leaves out has the reference's own default, which is not always the paper's choice. */
export function readProcess(top: Settings, resolutions: number, report: Report): ReferenceDiffusion {
  const nested = resolutions > 1
  const r = top.section('diffusion_config') ?? top.section('diffusion')
  const sampler = r?.section('sampler_config') ?? top.section('sampler')
  const noise = readNoise(sampler, nested, report)
  const outputScale = Math.abs(r?.number('model_output_scale') ?? 0)
  if (nested && outputScale !== 0)
    refuse(
      r,
      'model_output_scale',
      'the reference implementation does not limit predictions of a nest',
      'set it to 0',
      report,
    )
  const vdmWeights = r?.flag('use_vdm_loss_weights') ?? true
  const loss = nested ? readNestedLoss(r, top, resolutions, report) : plainLoss
  sampler?.finish()
  r?.finish()
  return { ...noise, outputScale, vdmWeights, ...loss }
}

function refuse(r: Settings | undefined, key: string, reason: string, help: string, report: Report): void {
  report(say.notRunnable({ setting: `\`${key}\``, reason, help }), r?.span(key))
}

type Noise = Pick<
  ReferenceDiffusion,
  'steps' | 'schedule' | 'beta' | 'shift' | 'shifted' | 'power' | 'signalScale' | 'predict' | 'measure' | 'threshold'
>

function readNoise(r: Settings | undefined, nested: boolean, report: Report): Noise {
  const choice = (key: string, words: Words): string | undefined => {
    const text = r?.text(key)
    if (text === undefined) return undefined
    const word = words.get(text.toUpperCase())
    if (word === undefined)
      report(
        say.wrongSetting({ key, expected: [...words.keys()].join(', '), found: JSON.stringify(text.slice(0, 80)) }),
        r?.span(key),
      )
    return word
  }
  if (r?.flag('reproject_signal'))
    refuse(r, 'reproject_signal', 'the reference implementation reads it nowhere', 'remove it', report)
  const signal = Math.max(0, r?.number('rescale_signal', { minimum: 0, maximum: 1e6, nullable: true }) ?? 0)
  if (nested && signal !== 0 && signal !== 1)
    refuse(r, 'rescale_signal', 'the reference implementation does not read it for a nest', 'set it to 1', report)
  const shifted = r?.flag('schedule_shifted') ?? false
  return {
    steps: r?.whole('num_diffusion_steps', { minimum: 1, maximum: 100_000 }) ?? 32,
    schedule: choice('schedule_type', schedules) ?? 'ddpm',
    beta: [
      r?.number('beta_start', { minimum: 1e-9, maximum: 0.999 }) ?? 1e-4,
      r?.number('beta_end', { minimum: 1e-9, maximum: 0.999 }) ?? 0.02,
    ],
    shift: Math.max(1, r?.number('rescale_schedule', { maximum: 1e4, nullable: true }) ?? 1),
    shifted,
    power: r?.number('schedule_shifted_power', { minimum: 0, maximum: 16 }) ?? 1,
    signalScale: signal === 0 ? 1 : signal,
    predict: choice('prediction_type', predictions) ?? 'noise',
    measure: choice('loss_target_type', predictions),
    threshold: choice('threshold_function', thresholds) ?? 'fixed',
  }
}

const frameChoices = { random: 'random', average: 'mean', mid: 'central' } as const

type Loss = Pick<ReferenceDiffusion, 'allResolutions' | 'weights' | 'mix' | 'randomInterpolation' | 'frameChoice'>

const plainLoss: Loss = {
  allResolutions: true,
  weights: undefined,
  mix: undefined,
  randomInterpolation: false,
  frameChoice: 'first',
}

/** The loss of a nest. Published files give some of its settings beside `diffusion_config` instead of in it. */
function readNestedLoss(r: Settings | undefined, top: Settings, resolutions: number, report: Report): Loss {
  const holder = (key: string) => (r?.given(key) ? r : top.given(key) ? top : undefined)
  const ratio = (key: string): Ratio | undefined => {
    const text = holder(key)?.text(key)
    const numbers = text
      ?.slice(0, 1024)
      .split(':')
      .map((part) => (/^\d*\.?\d+$/.test(part) ? Number(part) : NaN))
    if (numbers?.every((number) => number <= 1e6)) {
      if (numbers.length !== resolutions)
        report(say.settingLength({ key, given: numbers.length, expected: resolutions }), holder(key)?.span(key))
      return numbers
    }
    if (numbers)
      report(
        say.wrongSetting({
          key,
          expected: 'numbers joined by colons, such as "2:1"',
          found: JSON.stringify(text?.slice(0, 80)),
        }),
        holder(key)?.span(key),
      )
    return undefined
  }
  if (holder('no_use_residual')?.flag('no_use_residual') === false)
    refuse(
      holder('no_use_residual'),
      'no_use_residual',
      'the reference implementation has no working residual prediction between resolutions',
      'set `no_use_residual: true`',
      report,
    )
  const allResolutions = holder('use_double_loss')?.flag('use_double_loss') ?? false
  const weights = ratio('multi_res_weights')
  if (weights && !allResolutions)
    refuse(
      holder('multi_res_weights'),
      'multi_res_weights',
      'only the loss of one resolution counts',
      'set `use_double_loss: true`',
      report,
    )
  const kinds = (['random', 'average', 'mid'] as const).filter((kind) => r?.flag(`${kind}_downsample`))
  if (kinds.length > 1)
    refuse(
      r,
      `${kinds[1] ?? ''}_downsample`,
      `\`${kinds[0] ?? ''}_downsample\` chooses frames already`,
      'set one of them to false',
      report,
    )
  const [kind] = kinds
  return {
    allResolutions,
    weights,
    mix: ratio('mixed_ratio'),
    randomInterpolation: r?.flag('use_random_interp') ?? false,
    frameChoice: kind === undefined ? 'first' : frameChoices[kind],
  }
}
