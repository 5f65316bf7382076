/** Adam's numbers for one step, as the kernel takes them, and the limit on the gradient. */
import type { Training } from '../../compiler/check/model.js'

/**
 * What a step does to each element, with g = scale * gradient + coupled * p: m += gain1 (g - m),
 * v = beta2 v + gain2 g^2, p = kept p - rate m / (sqrt(v) + epsilon), average += averageGain (p - average).
 */
export interface Adam {
  readonly scale: number
  readonly coupled: number
  readonly kept: number
  readonly gain1: number
  readonly beta2: number
  readonly gain2: number
  readonly rate: number
  readonly epsilon: number
  readonly averageGain: number
}

/**
 * Step `t` of Adam (Kingma & Ba 2015, algorithm 1; weight decay is added to the gradient) or of AdamW (Loshchilov &
 * Hutter 2019, algorithm 2), from 1 on. The corrections of both moments are in `rate` and `epsilon`:
 * rate / (1 - beta1^t) * m / (sqrt(v) / c + epsilon) = rate c / (1 - beta1^t) * m / (sqrt(v) + c epsilon), with
 * c = sqrt(1 - beta2^t). `average` is the decay of the moving average.
 */
export function adamStep(
  t: number,
  { kind, betas: [beta1, beta2], epsilon, weightDecay }: Training['optimizer'],
  { rate, scale, average }: { readonly rate: number; readonly scale: number; readonly average: number },
): Adam {
  const c = Math.sqrt(1 - beta2 ** t)
  return {
    scale,
    coupled: kind === 'adam' ? weightDecay : 0,
    kept: kind === 'adamw' ? 1 - rate * weightDecay : 1,
    gain1: 1 - beta1,
    beta2,
    gain2: 1 - beta2,
    rate: (rate * c) / (1 - beta1 ** t),
    epsilon: c * epsilon,
    averageGain: 1 - average,
  }
}

/** What limits a gradient of a norm to the norm `clip`, as PyTorch's clip_grad_norm_ computes it; 0: no limit. */
export function clipFactor(norm: number, clip: number): number {
  return clip === 0 ? 1 : Math.min(1, clip / (norm + 1e-6))
}
