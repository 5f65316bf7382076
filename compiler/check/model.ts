/**
 * The checked model: every value known and in range, defaults filled in, nested models resolved. Whatever is built
 * later is built from this alone.
 */
import type { Span } from '../diagnostics/diagnostic.js'
import type * as ast from '../syntax/ast.js'
import type { LoadedFile } from './load.js'

/** A block in a place of the network, with the arguments given there. */
export interface BlockUse {
  readonly name: string
  readonly block: ast.BlockSyntax
  /** The file whose names the block's body sees. */
  readonly home: LoadedFile
  readonly arguments: readonly ast.Argument[]
  readonly span: Span
}

/** Finds the block that a name means in a file. */
export type BlockOf = (
  name: string,
  /** `nameSpan` is absent for standard blocks, whose name is not written. */
  use: Pick<BlockUse, 'arguments' | 'span'> & { readonly nameSpan?: Span },
) => BlockUse | undefined

export interface Level {
  readonly side: number
  readonly frames: number
  readonly channels: number
  /** Residual blocks on the way down; the way up has one more. */
  readonly blocks: number
  /** Attention blocks behind each residual block. */
  readonly attention: number
  readonly temporalAttention: number
  readonly residual: BlockUse
  readonly attentionBlock: BlockUse
  readonly temporalBlock: BlockUse
  /** Further blocks behind each residual block and its attention. */
  readonly use: readonly BlockUse[]
  readonly span: Span
  /** Where the channels are given. */
  readonly channelsSpan: Span
}

/** Text as the network receives it: features of a frozen language model. */
export interface TextCondition {
  readonly kind: 'text'
  /** Features per token of the language model. */
  readonly width: number
  /** Features per token after a learned projection, where there is one. */
  readonly project: number | undefined
  /** Learned self-attention layers over the text. */
  readonly layers: number
  /** Whether padding is hidden from attention. */
  readonly masked: boolean
  readonly crossAttention: boolean
  /** The language model: a folder, or `hash`. */
  readonly encoder: string | undefined
}

export interface LabelCondition {
  readonly kind: 'label'
  readonly classes: number
  readonly names: readonly string[]
  /** Whether attention blocks see the label as a one-hot token. */
  readonly crossAttention: boolean
}

export type Condition = TextCondition | LabelCondition

/** Condition layers that an outer part of a published checkpoint carries although nothing reads them. */
export interface OwnCondition {
  readonly width: number
  readonly project: number | undefined
  readonly layers: number
}

export interface MicroCondition {
  readonly key: string
  readonly default: number
}

export interface Inner {
  readonly model: Model
  /** Whether the outer part hands its features to the inner model. */
  readonly features: boolean
  /** Whether training leaves the inner model as it is. */
  readonly frozen: boolean
  /** A checkpoint that the inner model starts from. */
  readonly pretrained: string | undefined
}

export interface Model {
  readonly name: string
  readonly span: Span
  readonly imageChannels: number
  /** Side in pixels of this part's own image. */
  readonly side: number
  /** Frames of this part's own video; 1 for an image. */
  readonly frames: number
  readonly levels: readonly Level[]
  /** Blocks in place of the standard resampling. */
  readonly downsample: BlockUse
  readonly upsample: BlockUse
  /** The whole network as one block, instead of levels. */
  readonly network: BlockUse | undefined
  readonly textLayer: BlockUse
  /** Width of the time embedding. */
  readonly embedding: number
  readonly interpolationEmbedding: boolean
  readonly groups: number
  readonly dropout: number
  readonly heads: number
  readonly feedForward: boolean
  readonly positions: 'rotary' | 'none'
  /** Whether the image is divided by its standard deviation; undefined: as its place in the nest asks. */
  readonly normalize: boolean | undefined
  /** Attention blocks between the two residual blocks of the middle; undefined: no middle. */
  readonly middle: number | undefined
  /** The condition of the whole nest; it belongs to the innermost model. */
  readonly condition: Condition | undefined
  readonly ownCondition: OwnCondition | undefined
  readonly micros: readonly MicroCondition[]
  readonly inner: Inner | undefined
  readonly diffusion: Diffusion
  readonly training: Training | undefined
  readonly sampling: Sampling
}

/** The model and all that are nested in it, outermost first. */
export function partsOf(model: Model): Model[] {
  return model.inner ? [model, ...partsOf(model.inner.model)] : [model]
}

/** The model that no other is nested in. */
export function innermost(model: Model): Model {
  return model.inner ? innermost(model.inner.model) : model
}

export type Schedule =
  /** Log-SNR falls from `from` to `to` along a cosine (Salimans & Ho 2022). */
  | { readonly kind: 'cosine'; readonly from: number; readonly to: number }
  /** beta rises linearly (Ho et al. 2020). */
  | { readonly kind: 'ddpm'; readonly first: number; readonly last: number }
  /** Squared cosine with beta capped at 0.999 (Nichol & Dhariwal 2021). */
  | { readonly kind: 'deepfloyd' }
  /** gamma is a sigmoid (Chen 2023). */
  | { readonly kind: 'sigmoid'; readonly from: number; readonly to: number }
  /** gamma given step by step, from clean to noisy. */
  | { readonly kind: 'table'; readonly gammas: readonly number[] }

export type Prediction = 'v' | 'noise' | 'x0'

export interface Diffusion {
  readonly steps: number
  readonly schedule: Schedule
  /** Whether each resolution's SNR is divided by (side / smallest side)^power. */
  readonly shifted: boolean
  readonly power: number
  /** A further shift of every resolution's schedule. */
  readonly shift: number
  readonly signalScale: number
  readonly predict: Prediction
  /** What the loss is measured on. */
  readonly measure: Prediction
  /** Whether only the highest resolution's loss counts. */
  readonly highestOnly: boolean
  /** Weight of each resolution's loss, highest first; empty: all 1. */
  readonly weights: readonly number[]
  readonly weighting:
    { readonly kind: 'none' } | { readonly kind: 'vdm' } | { readonly kind: 'min_snr'; readonly limit: number }
  /** Share of the batch that each resolution adds, highest first; empty: all images at all resolutions. */
  readonly mix: readonly number[]
  /** Predictions are limited to +- this by a hyperbolic tangent; 0: not limited. */
  readonly outputScale: number
  readonly randomInterpolation: boolean
  /** Which frames the smaller videos of a nest are made of. */
  readonly frameChoice: 'first' | 'random' | 'mean' | 'central'
}

export interface Phase {
  readonly model: string
  readonly steps: number
  readonly batch: number
  readonly mix: readonly number[]
  readonly rate: number | undefined
  readonly freezeInner: boolean
  /** A checkpoint to start from. */
  readonly start: string | undefined
  readonly span: Span
}

export interface Training {
  readonly optimizer: {
    readonly kind: 'adamw' | 'adam'
    readonly rate: number
    readonly betas: readonly [number, number]
    readonly epsilon: number
    readonly weightDecay: number
    readonly warmup: number
    readonly decay: 'constant' | 'cosine'
    /** Largest norm of the gradient; 0: not limited. */
    readonly clip: number
  }
  /** Decay of the exponential moving average of the weights; 0: none. */
  readonly average: number
  readonly accumulate: number
  readonly precision: 'float32' | 'bfloat16' | 'float16'
  readonly conditionDropout: number
  readonly flip: boolean
  readonly seed: number
  readonly phases: readonly Phase[]
}

export interface Sampling {
  readonly method: 'ddpm' | 'ddim' | 'dpm'
  readonly steps: number
  readonly guidance: number
  readonly eta: number
  readonly threshold:
    | { readonly kind: 'none' }
    | { readonly kind: 'fixed' }
    | { readonly kind: 'dynamic' | 'bounded'; readonly quantile: number; readonly limit: number }
  readonly spacing: 'even' | 'quadratic' | 'log_snr'
  readonly until: number | undefined
  readonly seed: number | undefined
}
