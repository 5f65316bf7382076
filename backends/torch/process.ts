/** diffusion.py: the noise schedules of a model and its training loss. */
import { cumulativeShares } from '../../compiler/build/loss.js'
import { signalScales } from '../../compiler/build/schedule.js'
import { partsOf, type Diffusion, type Model, type Prediction, type Schedule } from '../../compiler/check/model.js'
import { docstring, indented, listed } from './python.js'

export function diffusionModule(model: Model): string {
  const text = sectionsOf(model)
  return /\bF\./.test(text) ? text : text.replace('import torch.nn.functional as F\n', '')
}

function sectionsOf(model: Model): string {
  const { diffusion } = model
  const parts = partsOf(model)
  const weighted = diffusion.weighting.kind !== 'none'
  const sections = [
    [
      ...docstring(
        `The diffusion process of ${model.name}: noise schedules, and the training loss (Gu et al. 2024, eq. 2 and 3).`,
        0,
      ),
      '',
      ...(usesMath(diffusion.schedule) ? ['import math'] : []),
      'from collections.abc import Callable, Sequence',
      'from functools import cache',
      'from typing import NamedTuple',
      '',
      'import torch',
      'import torch.nn.functional as F',
      'from torch import Tensor',
      '',
      `STEPS = ${diffusion.steps}`,
      '"""Steps of the process, from 1 to this; 0 is the clean image."""',
      ...constants(model),
    ],
    ['def gammas() -> Tensor:', ...indented(gammas(diffusion.schedule))],
    ...(needsShift(model) ? [shiftFunction] : []),
    schedules(model),
    [
      '@cache',
      'def signal_and_noise(device: torch.device) -> list[tuple[Tensor, Tensor]]:',
      ...indented([
        '"""alpha and sigma at each step of each resolution, highest first, in float32."""',
        'return [(gamma.sqrt().float().to(device), (1 - gamma).sqrt().float().to(device)) for gamma in schedules()]',
      ]),
    ],
    ...(weighted ? [weights(diffusion)] : []),
    resolutions(parts),
    draw(model),
    [
      'class Noised(NamedTuple):',
      ...indented([
        '"""Images of one resolution with their noise; alpha and sigma per example."""',
        '',
        'clean: Tensor',
        'eps: Tensor',
        'alpha: Tensor',
        'sigma: Tensor',
        'noisy: Tensor',
      ]),
    ],
    [
      'class Losses(NamedTuple):',
      ...indented([
        ...docstring('What a batch costs.'),
        '',
        'total: Tensor',
        '"""The sum over resolutions, weighted. [batch]"""',
        'by_resolution: list[Tensor]',
        '"""Mean squares, highest resolution first, not weighted. [rows] each"""',
      ]),
    ],
    loss(model),
  ]
  return sections.map((lines) => lines.join('\n')).join('\n\n\n') + '\n'
}

function usesMath({ kind }: Schedule): boolean {
  return kind === 'cosine' || kind === 'deepfloyd'
}

/** A number as Python writes a float. */
function float(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e15 ? `${value}.0` : String(value)
}

function floatTuple(values: readonly number[]): string {
  return `(${values.map(float).join(', ')}${values.length === 1 ? ',' : ''})`
}

function constants(model: Model): string[] {
  const { diffusion } = model
  const parts = partsOf(model)
  const shares = sharesOf(model)
  const weights = parts.map((_, r) => diffusion.weights[r] ?? 1)
  const scales = signalScales(model)
  const groups = [
    shares.some((share) => share !== 1)
      ? [`SHARES = ${floatTuple(shares)}`, '"""Which share of a batch each resolution sees, highest first."""']
      : [],
    weights.some((weight) => weight !== 1)
      ? [`WEIGHTS = ${floatTuple(weights)}`, '"""What each resolution counts in the loss, highest first."""']
      : [],
    scales.some((scale) => scale !== 1)
      ? [
          `SIGNAL_SCALES = ${floatTuple(scales)}`,
          '"""What images are divided by before they are noised, highest resolution first (Chen 2023, section 2.2)."""',
        ]
      : [],
  ].filter((group) => group.length > 0)
  return groups.flatMap((group) => ['', ...group])
}

function sharesOf(model: Model): number[] {
  const shares = cumulativeShares(model.diffusion.mix)
  return partsOf(model).map((_, r) => shares[r] ?? 1)
}

function gammas(schedule: Schedule): string[] {
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

const shiftFunction = [
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
  const grid = partsOf(model).map(({ side, frames }) => side * Math.sqrt(frames))
  const smallest = grid.at(-1) ?? 1
  const factor = (scale: number) => (scale <= 1 ? 1 : scale ** power)
  return { all: factor(shift), each: grid.map((side) => (shifted ? factor(side / smallest) : 1)) }
}

function needsShift(model: Model): boolean {
  const { all, each } = factorsOf(model)
  return [all, ...each].some((factor) => factor !== 1)
}

function schedules(model: Model): string[] {
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

function weights({ weighting, measure }: Diffusion): string[] {
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

function resolutions(parts: readonly Model[]): string[] {
  const name = ({ side, frames }: Model) => (frames > 1 ? `x_t${frames}_${side}` : `x_${side}`)
  const lines: string[] = []
  parts.forEach((part, r) => {
    const before = parts[r - 1]
    if (before === undefined) return
    let from = name(before)
    if (before.frames !== part.frames) {
      const size = before.frames / part.frames
      const { frameChoice } = before.diffusion
      const squeeze = part.frames === 1 ? '.squeeze(2)' : ''
      from =
        frameChoice === 'mean'
          ? `${from}.unflatten(2, (${part.frames}, ${size})).mean(dim=3)${squeeze}`
          : `${from}[:, :, ${frameChoice === 'central' && size > 1 ? Math.floor(size / 2) : ''}::${size}]${squeeze}`
    }
    const factor = before.side / part.side
    const pooled =
      part.frames === 1 ? `F.avg_pool2d(${from}, ${factor})` : `F.avg_pool3d(${from}, (1, ${factor}, ${factor}))`
    lines.push(`${name(part)} = ${factor === 1 ? from : pooled}`)
  })
  const [first] = parts
  return [
    `def resolutions(images: Tensor) -> list[Tensor]:`,
    ...indented([
      '"""The images at each resolution, highest first: averages in space, one frame of each group in time."""',
      ...(parts.length === 1
        ? ['return [images]']
        : [`${first ? name(first) : ''} = images`, ...lines, `return [${parts.map(name).join(', ')}]`]),
    ]),
  ]
}

function draw(model: Model): string[] {
  const mixed = sharesOf(model).some((share) => share !== 1)
  return [
    'def draw(images: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, list[Tensor]]:',
    ...indented([
      `"""Steps for a batch, uniform, and noise for each resolution${mixed ? "'s rows" : ''}. times: [batch], from 0 to STEPS - 1."""`,
      'batch, device = images.shape[0], images.device',
      'times = torch.randint(STEPS, (batch,), generator=generator, device=device)',
      ...(mixed
        ? [
            'noise = []',
            'for clean, share in zip(resolutions(images), SHARES):',
            '    rows = clean[: max(1, int(share * batch))]',
            '    noise.append(torch.randn(rows.shape, generator=generator, device=device))',
          ]
        : ['noise = [torch.randn(clean.shape, generator=generator, device=device) for clean in resolutions(images)]']),
      'return times, noise',
    ]),
  ]
}

/** The target of the loss, and a prediction as what the loss is measured on. */
function measured(predict: Prediction, measure: Prediction): { target: string; lines: string[] } {
  const target = { x0: 'clean', noise: 'eps', v: 'alpha * eps - sigma * clean' }[measure]
  if (predict === measure) return { target, lines: [] }
  const x0 = {
    x0: 'prediction',
    v: 'alpha * noisy - sigma * prediction',
    noise: '(noisy - sigma * prediction) / alpha',
  }[predict]
  if (measure === 'x0') return { target, lines: [`prediction = ${x0}`] }
  const from = predict === 'x0' ? [] : [`prediction = ${x0}`]
  return {
    target,
    lines: [
      ...from,
      measure === 'noise'
        ? 'prediction = (noisy - alpha * prediction) / sigma'
        : 'prediction = (alpha * noisy - prediction) / sigma',
    ],
  }
}

function loss(model: Model): string[] {
  const { diffusion } = model
  const parts = partsOf(model)
  const [mixed, scaled] = [
    sharesOf(model).some((share) => share !== 1),
    signalScales(model).some((scale) => scale !== 1),
  ]
  const weighted = parts.some((_, r) => (diffusion.weights[r] ?? 1) !== 1)
  const byStep = diffusion.weighting.kind !== 'none'
  const { target, lines } = measured(diffusion.predict, diffusion.measure)
  const factors = [...(weighted ? ['WEIGHTS[r]'] : []), ...(mixed ? ['SHARES[r]'] : [])]
  const factor = factors.length === 2 ? 'WEIGHTS[r] / SHARES[r]' : factors[0]
  const cost = [
    `cost = ${byStep ? 'weights[r][times[: len(loss)] + 1] * loss' : 'loss'}`,
    ...(factor
      ? [
          factor === 'SHARES[r]'
            ? 'cost = cost / SHARES[r]'
            : `cost = cost * ${factors.length === 2 ? `(${factor})` : factor}`,
        ]
      : []),
    mixed ? 'total = total + F.pad(cost, (0, len(times) - len(cost)))' : 'total = total + cost',
  ]
  const simple = !byStep && !factor && !mixed
  return [
    ...listed(
      'def losses(',
      [
        'model: Callable[..., list[Tensor]]',
        'images: Tensor',
        'times: Tensor',
        'noise: Sequence[Tensor]',
        '*given: Tensor',
        '**more: object',
      ],
      ') -> Losses:',
      0,
    ),
    ...indented([
      ...docstring(
        'The loss of a batch, from draws of noise.\n\nimages: of the highest resolution, from -1 to 1. times: [batch], whole numbers from 0 to STEPS - 1.\nnoise: standard normal, one for each resolution. given, more: what the model is given beside images and times.',
      ),
      'pairs = list(zip(resolutions(images), noise, signal_and_noise(images.device)))',
      'levels = []',
      'for clean, eps, (alpha, sigma) in pairs:',
      ...indented([
        ...(mixed ? ['clean = clean[: len(eps)]'] : []),
        'shape = (-1, *[1] * (clean.ndim - 1))',
        `alpha, sigma = (table[times${mixed ? '[: len(eps)]' : ''} + 1].view(shape) for table in (alpha, sigma))`,
        ...(scaled ? ['clean = clean / SIGNAL_SCALES[len(levels)]'] : []),
        'levels.append(Noised(clean, eps, alpha, sigma, alpha * clean + sigma * eps))',
      ]),
      'predictions = model([level.noisy for level in levels], times.float(), *given, **more)',
      ...(byStep ? ['weights = step_weights(images.device)'] : []),
      'total = torch.zeros(len(times), device=images.device)',
      'by_resolution = []',
      `for ${simple && !diffusion.highestOnly ? '' : 'r, '}${simple && !diffusion.highestOnly ? 'prediction, level in zip(predictions, levels)' : '(prediction, level) in enumerate(zip(predictions, levels))'}:`,
      ...indented([
        ...unpacked([...lines, target]),
        'prediction = prediction.float()',
        ...lines,
        `target = ${target}`,
        'loss = (prediction - target).square().flatten(1).mean(dim=1)',
        'by_resolution.append(loss)',
        ...(simple
          ? diffusion.highestOnly
            ? ['if r == 0:', '    total = loss']
            : ['total = total + loss']
          : diffusion.highestOnly
            ? ['if r == 0:', ...indented(cost)]
            : cost),
      ]),
      'return Losses(total, by_resolution)',
    ]),
  ]
}

/** `alpha, sigma = level.alpha, level.sigma`: what the formulas use. */
function unpacked(lines: readonly string[]): string[] {
  const names = ['clean', 'eps', 'alpha', 'sigma', 'noisy'].filter((name) =>
    new RegExp(`\\b${name}\\b`).test(lines.join(' ')),
  )
  return [`${names.join(', ')} = ${names.map((name) => `level.${name}`).join(', ')}`]
}
