/** diffusion.py: the noise schedules of a model and its training loss. */
import { resolutionName } from '../../compiler/build/nest.js'
import { signalScales } from '../../compiler/build/schedule.js'
import { partsOf, type Model, type Schedule } from '../../compiler/check/model.js'
import { loss, sharesOf } from './loss.js'
import { docstring, float, indented } from './python.js'
import { gammas, needsShift, schedules, shiftFunction, weights } from './schedules.js'

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

function resolutions(parts: readonly Model[]): string[] {
  const name = (part: Model) => `x_${resolutionName(part)}`
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
