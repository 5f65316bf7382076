/** The steps of sampling in Python: which there are, what x0 is, its limits, and the way to the next image. */
import type { Prediction, Sampling } from '../../compiler/check/model.js'
import { docstring, indented, listed } from './python.js'

export function timesteps({ spacing, steps }: Sampling, schedule: string): string[] {
  const head = `def timesteps(steps: int = ${steps}) -> list[int]:`
  if (spacing === 'even')
    return [
      head,
      ...indented([
        '"""Steps of the schedule from noisy to clean, evenly spaced, with 0 at the end."""',
        'return [round(k * ((STEPS + 1) / (steps + 1))) for k in range(steps, -1, -1)]',
      ]),
    ]
  if (spacing === 'quadratic')
    return [
      head,
      ...indented([
        '"""Steps of the schedule from noisy to clean, denser towards the clean end, with 0 at the end."""',
        'return [math.floor(STEPS * (k / steps) ** 2 + 0.5) for k in range(steps, -1, -1)]',
      ]),
    ]
  return [
    head,
    ...indented([
      ...docstring(
        'Steps of the schedule from noisy to clean, evenly spaced in log-SNR, with 1 and 0 at the end (Lu et al. 2022).\n\nThe shift of a resolution adds a constant to its log-SNR, so the lowest one stands for all. No step is taken twice.',
      ),
      `gamma = ${schedule}[-1]`,
      'log_snr = (gamma / (1 - gamma)).log().tolist()',
      'noisy, clean = log_snr[STEPS], log_snr[1]',
      'places = []',
      'place = STEPS',
      'for k in range(steps):',
      '    wanted = noisy + (clean - noisy) * k / max(1, steps - 1)',
      '    while place > 1 and abs(log_snr[place - 1] - wanted) <= abs(log_snr[place] - wanted):',
      '        place -= 1',
      '    highest = (places[-1] if places else STEPS + 1) - 1',
      '    places.append(max(steps - k, min(place, highest)))',
      'return [*places, 0]',
    ]),
  ]
}

export function clean(predict: Prediction): string[] {
  const body = {
    v: ['alpha, sigma = math.sqrt(gamma), math.sqrt(1 - gamma)', 'return alpha * x - sigma * prediction'],
    noise: [
      'alpha, sigma = math.sqrt(gamma), math.sqrt(1 - gamma)',
      'return (1 / alpha) * x - (sigma / alpha) * prediction',
    ],
    x0: ['return prediction'],
  }[predict]
  const what = { v: 'v = alpha eps - sigma x0', noise: 'the noise', x0: 'x0 itself' }[predict]
  return [
    'def clean(x: Tensor, prediction: Tensor, gamma: float) -> Tensor:',
    ...indented([`"""The clean image x0 from a noisy one and the prediction of ${what}."""`, ...body]),
  ]
}

export function limitOf({ threshold }: Sampling, scaled: boolean): string[] | undefined {
  if (threshold.kind === 'none') return undefined
  const head = `def limited(x0: Tensor${scaled ? ', scale: float' : ''}) -> Tensor:`
  const [whole, result] = scaled ? ['x0 * scale', (text: string) => `${text} / scale`] : ['x0', (text: string) => text]
  if (threshold.kind === 'fixed')
    return [
      head,
      ...indented([
        '"""x0 within what images can be."""',
        `return ${result(scaled ? '(x0 * scale).clamp(-1, 1)' : 'x0.clamp(-1, 1)')}`,
      ]),
    ]
  const { quantile, limit } = threshold
  return [
    head,
    ...indented([
      ...docstring(
        `Dynamic thresholding (Saharia et al. 2022, section 2.3): cut at the ${quantile} quantile of each image, between 1 and\n${limit}, and divided by it.`,
      ),
      `flat = ${scaled ? `(${whole})` : whole}.flatten(1)`,
      'ordered = flat.abs().sort(dim=1).values',
      `place = ${quantile} * (flat.shape[1] - 1)`,
      'below = int(place)',
      'above = min(below + 1, flat.shape[1] - 1)',
      'bound = torch.lerp(ordered[:, below], ordered[:, above], place - below)[:, None]',
      `bound = bound.clamp(1, ${limit})`,
      `return ${result('(flat.clamp(-bound, bound) / bound).view_as(x0)')}`,
    ]),
  ]
}

export function advance({ method, eta }: Sampling): string[] {
  if (method === 'ddpm')
    return [
      'def advance(x: Tensor, x0: Tensor, noise: Tensor, gamma: float, after: float) -> Tensor:',
      ...indented([
        '"""Ancestral sampling with the posterior\'s mean and variance (Ho et al. 2020, eq. 7)."""',
        'alpha = gamma / after',
        'beta = 1 - alpha',
        'mean = (math.sqrt(alpha) * (1 - after) * x + beta * math.sqrt(after) * x0) / (1 - gamma)',
        'return mean + math.sqrt(beta * (1 - after) / (1 - gamma)) * noise',
      ]),
    ]
  if (method === 'ddim') {
    if (eta === 0)
      return [
        'def advance(x: Tensor, x0: Tensor, gamma: float, after: float) -> Tensor:',
        ...indented([
          '"""DDIM without noise (Song et al. 2021, eq. 12)."""',
          'scale = math.sqrt(1 - after) / math.sqrt(1 - gamma)',
          'return scale * x + (math.sqrt(after) - scale * math.sqrt(gamma)) * x0',
        ]),
      ]
    return [
      'def advance(x: Tensor, x0: Tensor, noise: Tensor, gamma: float, after: float) -> Tensor:',
      ...indented([
        `"""DDIM with eta ${eta} (Song et al. 2021, eq. 12 and 16)."""`,
        `variance = ${eta ** 2} * (1 - gamma / after) * (1 - after) / (1 - gamma)`,
        'scale = math.sqrt(max(0.0, 1 - after - variance)) / math.sqrt(1 - gamma)',
        'return scale * x + (math.sqrt(after) - scale * math.sqrt(gamma)) * x0 + math.sqrt(variance) * noise',
      ]),
    ]
  }
  return [
    ...listed(
      'def advance(',
      ['x: Tensor', 'x0: Tensor', 'previous: Tensor', 'gamma: float', 'after: float', 'before: float | None'],
      ') -> Tensor:',
      0,
    ),
    ...indented([
      ...docstring(
        'DPM-Solver++ (2M): second order in the half log-SNR (Lu et al. 2022, algorithm 2).\n\nThe first step has no clean image before it, and the last ends at infinite SNR: both are of first order.',
      ),
      'scale = math.sqrt(1 - after) / math.sqrt(1 - gamma)',
      'whole = math.sqrt(after) - scale * math.sqrt(gamma)',
      'if before is None or after == 1:',
      '    return scale * x + whole * x0',
      'half_log_snr = [0.5 * (math.log(g) - math.log1p(-g)) for g in (before, gamma, after)]',
      'ratio = (half_log_snr[1] - half_log_snr[0]) / (half_log_snr[2] - half_log_snr[1])',
      'return scale * x + whole * (1 + 1 / (2 * ratio)) * x0 - whole / (2 * ratio) * previous',
    ]),
  ]
}
