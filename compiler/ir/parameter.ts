/** The parameters of a model: their published names, shapes and how fresh values are drawn. */

/** How a parameter begins before training. */
export type Initialiser =
  | { readonly kind: 'zeros' }
  | { readonly kind: 'ones' }
  /** U(-bound, bound). PyTorch's default for weight and bias of linear and convolution layers: bound = 1 / sqrt(fan in). */
  | { readonly kind: 'uniform'; readonly bound: number }
  /** N(0, deviation^2). */
  | { readonly kind: 'normal'; readonly deviation: number }
  /** base^(-2i / d) for i < d / 2 = shape[0]: the angular speeds of rotary position embedding (Su et al. 2021, section 3.2.2). */
  | { readonly kind: 'rotary_frequencies'; readonly base: number }

/** One parameter of a model. */
export interface Parameter {
  /** Its name in a checkpoint, such as `down_blocks.0.resnets.0.conv1.weight`. */
  readonly name: string
  readonly shape: readonly number[]
  readonly initialiser: Initialiser
  /** Whether the optimiser changes it; a parameter that is only stored (rotary frequencies) is false. */
  readonly trainable: boolean
}
