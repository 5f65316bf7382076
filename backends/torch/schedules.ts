/** The noise schedules of a model in Python, and weights of its loss by step. */
import { scalesOf } from '../../compiler/build/schedule.js'
import { partsOf, type Diffusion, type Model, type Schedule } from '../../compiler/check/model.js'
import { docstring, float, indented, listed } from './python.js'

export function gammas(schedule: Schedule): string[] {
  const doc = (text: string) =>
    docstring(`gamma = alpha^2 at steps 0 to STEPS before any shift, in float64.\n\n${text}`)
  const fromBetas = [
    'log_gamma = torch.log(1 - betas).cumsum(0)',
    'return torch.cat((torch.ones(1, dtype=torch.float64), log_gamma.exp()))',
  ]
  switch (schedule.kind) {
    case 'cosine':
      return [
        ...doc(`log-SNR falls from ${schedule.from} to ${schedule.to} along a cosine (Salimans & Ho 2022).`),
        `b = math.atan(math.exp(-0.5 * ${schedule.from}))`,
        `a = math.atan(math.exp(-0.5 * ${schedule.to})) - b`,
        't = torch.linspace(0, 1, STEPS, dtype=torch.float64)',
        'log_snr = -2 * torch.log(torch.tan(a * t + b))',
        'return torch.cat((torch.ones(1, dtype=torch.float64), 1 / (1 + torch.exp(-log_snr))))',
      ]
    case 'ddpm':
      return [
        ...doc('beta rises linearly (Ho et al. 2020).'),
        `betas = torch.linspace(${schedule.first}, ${schedule.last}, STEPS, dtype=torch.float64)`,
        ...fromBetas,
      ]
    case 'deepfloyd':
      return [
        ...doc('A squared cosine with beta capped at 0.999 (Nichol & Dhariwal 2021, eq. 17).'),
        't = torch.arange(STEPS + 1, dtype=torch.float64) / STEPS',
        'squared = torch.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2',
        'betas = (1 - squared[1:] / squared[:-1]).clamp(max=0.999)',
        ...fromBetas,
      ]
    case 'sigmoid':
      return [
        ...doc('A sigmoid brought to run from 1 to nearly 0 (Chen 2023, section 2.1).'),
        `x = ${schedule.from} + ${schedule.to - schedule.from} * torch.arange(STEPS + 1, dtype=torch.float64) / STEPS`,
        'value = torch.sigmoid(x)',
        'return ((value[-1] - value) / (value[-1] - value[0])).clamp(min=1e-9)',
      ]
    case 'table':
      return [
        ...doc('As given.'),
        ...listed('values = [', schedule.gammas.map(String), ']', 1),
        'return torch.tensor(values, dtype=torch.float64)',
      ]
  }
}

export const shiftFunction = [
  'def shifted(gamma: Tensor, factor: float) -> Tensor:',
  ...indented([
    '"""SNR divided by a factor, as more pixels need more noise (Hoogeboom et al. 2023, section 3.1)."""',
    'snr = gamma / (1 - gamma) / factor',
    'return (1 / (1 + 1 / snr)).float().double()',
  ]),
]

/** The factors by which the schedule of each resolution is shifted; 1: not. */
function factorsOf(model: Model): { all: number; each: number[] } {
  const { shift, power, shifted } = model.diffusion
  const factor = (scale: number) => (scale <= 1 ? 1 : scale ** power)
  return { all: factor(shift), each: scalesOf(model).map((scale) => (shifted ? factor(scale) : 1)) }
}

export function needsShift(model: Model): boolean {
  const { all, each } = factorsOf(model)
  return [all, ...each].some((factor) => factor !== 1)
}

export function schedules(model: Model): string[] {
  const { all, each } = factorsOf(model)
  const items = each.map((factor) => (factor === 1 ? 'base' : `shifted(base, ${float(factor)})`))
  const sides = partsOf(model)
    .map(({ side, frames }) => (frames > 1 ? `${frames} x ${side}` : String(side)))
    .join(', ')
  return [
    '@cache',
    'def schedules() -> tuple[Tensor, ...]:',
    ...indented([
      ...docstring(`gamma at steps 0 to STEPS for the resolutions ${sides}; float64, with the digits of float32.`),
      'base = gammas().float().double()',
      ...(all === 1 ? [] : [`base = shifted(base, ${float(all)})`]),
      ...listed('return (', items.length === 1 ? [`${items[0] ?? ''},`] : items, ')', 1),
    ]),
  ]
}

export function weights({ weighting, measure }: Diffusion): string[] {
  const head = ['@cache', 'def step_weights(device: torch.device) -> list[Tensor]:']
  if (weighting.kind === 'vdm')
    return [
      ...head,
      ...indented([
        ...docstring(
          'Weights by step that make the loss the variational bound (Kingma et al. 2021, eq. 14): SNR(t - 1) / SNR(t) - 1.\n\nThey follow the lowest resolution; the first two steps are as the third. In float32, as published.',
        ),
        'gamma = schedules()[-1].float()',
        'before, now = gamma[1:-1], gamma[2:]',
        'weights = before * (1 - now) / (1 - before) / now - 1',
        'weights = torch.cat((weights[:1], weights[:1], weights))',
        'return [weights.to(device)] * len(schedules())',
      ]),
    ]
  const limit = weighting.kind === 'min_snr' ? weighting.limit : 5
  const capped = `snr.clamp(max=${float(limit)})`
  const weight = {
    x0: capped,
    noise: `torch.where(gamma < 1, ${capped} / snr, 0.0)`,
    v: `torch.where(gamma < 1, ${capped} / (snr + 1), 0.0)`,
  }[measure]
  return [
    ...head,
    ...indented([
      '"""Weights by step that keep easy steps from ruling (Hang et al. 2023, section 3.4)."""',
      'result = []',
      'for gamma in schedules():',
      '    snr = gamma / (1 - gamma)',
      `    result.append(${weight}.float().to(device))`,
      'return result',
    ]),
  ]
}
