/** The training loss of a model in Python. */
import { cumulativeShares } from '../../compiler/build/loss.js'
import { signalScales } from '../../compiler/build/schedule.js'
import { partsOf, type Model, type Prediction } from '../../compiler/check/model.js'
import { docstring, indented, listed } from './python.js'

/** Which share of a batch each resolution sees, highest first. */
export function sharesOf(model: Model): number[] {
  const shares = cumulativeShares(model.diffusion.mix)
  return partsOf(model).map((_, r) => shares[r] ?? 1)
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

export function loss(model: Model): string[] {
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
