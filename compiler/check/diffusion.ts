/** The sections `diffusion`, `train` and `sample`. */
import type { Report, Span } from '../diagnostics/diagnostic.js'
import * as say from '../diagnostics/model.js'
import type * as ast from '../syntax/ast.js'
import {
  partsOf,
  type Diffusion,
  type Model,
  type Phase,
  type Sampling,
  type Schedule,
  type Training,
} from './model.js'
import { counts, percent, pixels, SectionReader, type PropertyReader } from './section.js'

const share = { minimum: 0, maximum: 1, units: percent }
const steps = { minimum: 1, maximum: 100_000_000, whole: true, units: counts }
const seeds = { minimum: 0, maximum: Number.MAX_SAFE_INTEGER, whole: true }

/** What a model says of its diffusion process; what it leaves out is as in the model it nests, or the paper's. */
export function readDiffusion(
  section: ast.Section | undefined,
  span: Span,
  inherited: Diffusion | undefined,
  parts: number,
  report: Report,
): Diffusion {
  const r = new SectionReader('diffusion', section, report, span)
  const number = (minimum: number, maximum: number) => (p: PropertyReader) => p.number({ minimum, maximum })
  const count = r.one('steps', (p) => p.number({ ...steps, maximum: 100_000 }))
  const chosen = r.one('schedule', (p) => readSchedule(p, report), { section: true })
  const measure = r.one('measure', (p) => p.word(['v', 'noise', 'x0']))
  const predict = r.one('predict', (p) => p.word(['v', 'noise', 'x0']))?.value ?? inherited?.predict ?? 'v'
  const loss = r.one('loss', (p) => p.word(['mse']) && { highest: p.flag('highest') ?? (p.flag('all') && undefined) })
  const weights = r.one('weights', (p) => p.numbers({ minimum: 0, maximum: 1e6 }))
  const mix = r.one('mix', (p) => p.numbers({ minimum: 0, maximum: 1e6 }))
  for (const [key, list] of [
    ['weights', weights],
    ['mix', mix],
  ] as const) {
    if (list && list.value.length !== parts)
      report(
        say.listLength({ key, given: list.value.length, expected: parts, what: ['resolution', 'resolutions'] }),
        list.span,
      )
  }
  if (loss?.highest && weights)
    report(say.onlyWith({ key: 'weights', needed: 'the losses of all resolutions' }), weights.span, {
      because: [{ span: loss.highest.span, text: 'only one counts' }],
    })
  const schedule = chosen?.schedule ?? inherited?.schedule ?? { kind: 'cosine', from: 5, to: -5 }
  const total = schedule.kind === 'table' ? schedule.gammas.length - 1 : (count?.value ?? inherited?.steps ?? 1000)
  if (schedule.kind === 'table' && count && count.value !== total)
    report(say.badTable({ problem: `has ${total} steps, but \`steps\` says ${count.value}` }), count.span)
  const result: Diffusion = {
    steps: total,
    schedule,
    shifted: chosen ? chosen.shifted : (inherited?.shifted ?? false),
    power: r.one('power', number(0, 16))?.value ?? inherited?.power ?? 1,
    shift: r.one('shift', number(1, 1e4))?.value ?? inherited?.shift ?? 1,
    signalScale: r.one('signal_scale', number(1e-6, 1e6))?.value ?? inherited?.signalScale ?? 1,
    predict,
    measure: measure?.value ?? inherited?.measure ?? predict,
    highestOnly: loss ? loss.highest !== undefined : (inherited?.highestOnly ?? false),
    weights: weights?.value ?? [],
    weighting: r.one('weighting', readWeighting) ?? inherited?.weighting ?? { kind: 'none' },
    mix: mix?.value ?? [],
    outputScale: r.one('output_scale', number(0, 1e6))?.value ?? inherited?.outputScale ?? 0,
    randomInterpolation:
      r.one('random_interpolation', (p) => p.yesNo())?.value ?? inherited?.randomInterpolation ?? false,
    frameChoice:
      r.one('frame_choice', (p) => p.word(['first', 'random', 'mean', 'central']))?.value ??
      inherited?.frameChoice ??
      'first',
  }
  r.finish()
  return result
}

function readWeighting(p: PropertyReader): Diffusion['weighting'] | undefined {
  const kind = p.word(['none', 'vdm', 'min_snr'])?.value
  if (kind === 'min_snr')
    return { kind, limit: (p.more ? p.number({ minimum: 1e-6, maximum: 1e6 })?.value : undefined) ?? 5 }
  return kind && { kind }
}

function readSchedule(p: PropertyReader, report: Report): { schedule: Schedule; shifted: boolean } | undefined {
  const kind = p.word(['cosine', 'ddpm', 'deepfloyd', 'sigmoid', 'table'])
  if (kind === undefined) return undefined
  const table = kind.value === 'table' ? p.list({ minimum: 0, maximum: 1 }) : undefined
  const shifted = p.flag('shifted') !== undefined
  const r = new SectionReader(`schedule ${kind.value}`, p.property.section, report, kind.span)
  const pair = (key: string, fallback: readonly [number, number], minimum: number, maximum: number) =>
    r.one(key, (q) => {
      const [first, second] = [q.number({ minimum, maximum }), q.number({ minimum, maximum })]
      return first && second && ([first.value, second.value] as const)
    }) ?? fallback
  const schedule = ((): Schedule | undefined => {
    switch (kind.value) {
      case 'cosine': {
        const [from, to] = pair('range', [5, -5], -100, 100)
        return { kind: 'cosine', from, to }
      }
      case 'sigmoid': {
        const [from, to] = pair('range', [-6, 6], -100, 100)
        return { kind: 'sigmoid', from, to }
      }
      case 'ddpm': {
        const [first, last] = pair('beta', [1e-4, 0.02], 1e-9, 0.999)
        return { kind: 'ddpm', first, last }
      }
      case 'deepfloyd':
        return { kind: 'deepfloyd' }
      case 'table': {
        if (table === undefined) return undefined
        const gammas = table.value
        const falls = gammas.every((gamma, i) => i === 0 || gamma < (gammas[i - 1] ?? 0))
        const problem =
          gammas.length < 2
            ? 'needs two values at least'
            : gammas[0] !== 1
              ? 'must begin with 1'
              : falls
                ? undefined
                : 'must fall from value to value'
        if (problem !== undefined) report(say.badTable({ problem }), table.span)
        return { kind: 'table', gammas }
      }
    }
  })()
  r.finish()
  return schedule && { schedule, shifted }
}

/** The section `train NAME { ... }`. */
export function readTraining(syntax: ast.SettingsSyntax, model: Model, report: Report): Training {
  const r = new SectionReader('train', syntax.section, report, syntax.name.span)
  const optimizer =
    r.one('optimizer', (p) => readOptimizer(p, report), { section: true }) ?? readOptimizer(undefined, report)
  const training: Training = {
    optimizer,
    average: r.one('average', (p) => p.number({ minimum: 0, maximum: 1 }))?.value ?? 0,
    accumulate: r.one('accumulate', (p) => p.number({ minimum: 1, maximum: 65_536, whole: true }))?.value ?? 1,
    precision: r.one('precision', (p) => p.word(['float32', 'bfloat16', 'float16']))?.value ?? 'float32',
    conditionDropout: readDropout(r, model, report),
    flip: r.one('flip', (p) => p.yesNo())?.value ?? false,
    seed: r.one('seed', (p) => p.number(seeds))?.value ?? 0,
    phases: r.many('phase', (p) => readPhase(p, model, report), { section: true }),
  }
  training.phases.forEach((phase, i) => {
    const before = training.phases[i - 1]
    const names = partsOf(model).map((part) => part.name)
    if (before && names.indexOf(before.model) < names.indexOf(phase.model))
      report(say.phaseOrder({ phase: phase.model, before: before.model }), phase.span, {
        because: [{ span: before.span, text: 'this comes first' }],
      })
  })
  r.finish()
  return training
}

function readDropout(r: SectionReader, model: Model, report: Report): number {
  const dropout = r.one('condition_dropout', (p) => p.number(share))
  if (dropout && dropout.value > 0 && !model.condition)
    report(say.needsCondition({ key: 'condition_dropout', condition: 'condition', name: model.name }), dropout.span)
  return dropout?.value ?? 0
}

function readOptimizer(p: PropertyReader | undefined, report: Report): Training['optimizer'] {
  const kind = p?.word(['adamw', 'adam'])?.value ?? 'adamw'
  const here = p?.span ?? { file: '', start: 0, end: 0 }
  const r = new SectionReader(`optimizer ${kind}`, p?.property.section, report, here)
  const beta = { minimum: 0, maximum: 0.999_999_999 }
  const optimizer: Training['optimizer'] = {
    kind,
    rate: r.one('rate', (q) => q.number({ minimum: 0, maximum: 10 }))?.value ?? 1e-4,
    betas: r.one('betas', (q) => {
      const [first, second] = [q.number(beta), q.number(beta)]
      return first && second && ([first.value, second.value] as const)
    }) ?? [0.9, 0.99],
    epsilon: r.one('epsilon', (q) => q.number({ minimum: 0, maximum: 1 }))?.value ?? 1e-8,
    weightDecay: r.one('weight_decay', (q) => q.number({ minimum: 0, maximum: 10 }))?.value ?? 0,
    warmup: r.one('warmup', (q) => q.number({ ...steps, minimum: 0 }))?.value ?? 0,
    decay: r.one('decay', (q) => q.word(['constant', 'cosine']))?.value ?? 'constant',
    clip: r.one('clip', (q) => q.number({ minimum: 0, maximum: 1e9 }))?.value ?? 0,
  }
  r.finish()
  return optimizer
}

function readPhase(p: PropertyReader, model: Model, report: Report): Phase | undefined {
  const name = p.reference('the name of a model in the nest')
  if (name === undefined) return undefined
  const parts = partsOf(model)
  const part = parts.find((candidate) => candidate.name === name.value.name)
  if (part === undefined) {
    report(
      say.notPartOf({
        what: 'phase',
        value: name.value.name,
        model: model.name,
        known: parts.map((other) => other.name).join(', '),
      }),
      name.span,
    )
  }
  const r = new SectionReader('phase', p.property.section, report, name.span)
  const count = r.one('steps', (q) => q.number(steps))
  const batch = r.one('batch', (q) => q.number({ minimum: 1, maximum: 1e6, whole: true }))
  const mix = r.one('mix', (q) => q.numbers({ minimum: 0, maximum: 1e6 }))
  const resolutions = part ? partsOf(part).length : 0
  if (mix && part && mix.value.length !== resolutions)
    report(
      say.listLength({
        key: 'mix',
        given: mix.value.length,
        expected: resolutions,
        what: ['resolution', 'resolutions'],
      }),
      mix.span,
    )
  const freeze = r.one('freeze', (q) => q.word(['nested', 'none']))
  if (freeze?.value === 'nested' && part && !part.inner)
    report(say.onlyWith({ key: 'freeze', needed: 'a model nested in this one' }), freeze.span)
  const phase: Phase = {
    model: name.value.name,
    steps: count?.value ?? 0,
    batch: batch?.value ?? 0,
    mix: mix?.value ?? part?.diffusion.mix ?? [],
    rate: r.one('rate', (q) => q.number({ minimum: 0, maximum: 10 }))?.value,
    freezeInner: freeze?.value === 'nested',
    start: r.one('start', (q) => q.text())?.value,
    span: name.span,
  }
  if (!r.has('steps')) r.missing('steps', 'steps 500k')
  if (!r.has('batch')) r.missing('batch', 'batch 32')
  r.finish()
  return phase
}

/** The section `sample NAME { ... }`, or the paper's settings where there is none. */
export function readSampling(syntax: ast.SettingsSyntax | undefined, model: Model, report: Report): Sampling {
  const nowhere = { file: '', start: 0, end: 0 }
  const r = new SectionReader('sample', syntax?.section, report, syntax?.name.span ?? nowhere)
  const method = r.one('method', (p) => p.word(['ddpm', 'ddim', 'dpm']))?.value ?? 'ddpm'
  const count = r.one('steps', (p) => p.number(steps))
  const all = model.diffusion.steps
  if (count && count.value > all) report(say.stepsBeyondSchedule({ steps: count.value, all }), count.span)
  const guidance = r.one('guidance', (p) => p.number({ minimum: 0, maximum: 1000 }))
  if (guidance && guidance.value !== 1 && !model.condition)
    report(say.needsCondition({ key: 'guidance', condition: 'condition', name: model.name }), guidance.span)
  const eta = r.one('eta', (p) => p.number({ minimum: 0, maximum: 1 }))
  if (eta && method !== 'ddim') report(say.onlyWith({ key: 'eta', needed: '`method ddim`' }), eta.span)
  const until = r.one('until', (p) => p.number({ minimum: 1, maximum: 65_536, whole: true, units: pixels }))
  const sides = partsOf(model).map((part) => part.side)
  if (until && !sides.includes(until.value))
    report(
      say.notPartOf({ what: 'side', value: String(until.value), model: model.name, known: sides.join(', ') }),
      until.span,
    )
  const sampling: Sampling = {
    method,
    steps: count?.value ?? Math.min(250, all),
    guidance: guidance?.value ?? 1,
    eta: eta?.value ?? 0,
    threshold: r.one('threshold', readThreshold) ?? { kind: 'fixed' },
    spacing:
      r.one('spacing', (p) => p.word(['even', 'quadratic', 'log_snr']))?.value ??
      (method === 'dpm' ? 'log_snr' : 'even'),
    until: until?.value,
    seed: r.one('seed', (p) => p.number(seeds))?.value,
  }
  r.finish()
  return sampling
}

function readThreshold(p: PropertyReader): Sampling['threshold'] | undefined {
  const kind = p.word(['none', 'fixed', 'dynamic', 'bounded'])?.value
  if (kind === undefined || kind === 'none' || kind === 'fixed') return kind && { kind }
  const quantile = p.more ? p.number({ minimum: 0.01, maximum: 1, units: percent })?.value : undefined
  const limit = p.more ? p.number({ minimum: 1, maximum: 1e6 })?.value : undefined
  return kind === 'dynamic'
    ? { kind, quantile: quantile ?? 0.995, limit: limit ?? 100 }
    : { kind, quantile: quantile ?? 0.95, limit: limit ?? 1.5 }
}
