/** Layers: an op together with its stored tensors, initialised as PyTorch initialises the same layer. */
import type { Value } from '../ir/graph.js'
import type { GraphBuilder } from '../ir/builder.js'
import type { Initialiser, Parameter } from '../ir/parameter.js'
import { fail, fixedSize } from '../ops/op.js'
import type { Scope } from './scope.js'

const normEpsilon = 1e-5

export interface AffineSettings {
  readonly bias?: boolean
  /** Whether weight and bias start as zeros. */
  readonly zeros?: boolean
}

/** PyTorch's default for linear layers and convolutions: uniform within 1 / sqrt(fan-in), for the bias too. */
function initialiserOf(fanIn: number, zeros: boolean | undefined): Initialiser {
  return zeros ? { kind: 'zeros' } : { kind: 'uniform', bound: 1 / Math.sqrt(fanIn) }
}

export class Layers {
  constructor(readonly graph: GraphBuilder) {}

  stored(parameter: Parameter): Value {
    return this.graph.b.parameter({ parameter })
  }

  /** x: [batch, in, ...space]. Padding keeps the size at stride 1 unless given. */
  conv(
    x: Value,
    scope: Scope,
    settings: AffineSettings & { out: number; kernel: number; stride?: number; padding?: number },
  ): Value {
    const { out, kernel, stride = 1, padding = Math.floor(kernel / 2), bias = true, zeros } = settings
    const channels = fixedSize(x.type, 1, 'the number of channels')
    const space = x.type.shape.length - 2
    if (space !== 1 && space !== 2)
      fail(`a convolution needs one or two axes of space; this tensor has ${Math.max(0, space)}`)
    const shape = [out, channels, ...new Array<number>(space).fill(kernel)]
    const initialiser = initialiserOf(channels * kernel ** space, zeros)
    return this.graph.within({ module: scope }, () => {
      const weight = this.stored(scope.parameter('weight', shape, initialiser))
      return this.graph.b.conv(x, weight, bias ? this.stored(scope.parameter('bias', [out], initialiser)) : undefined, {
        stride,
        padding,
      })
    })
  }

  /** x: [..., in]. */
  linear(x: Value, scope: Scope, { out, bias = true, zeros }: AffineSettings & { out: number }): Value {
    const width = fixedSize(x.type, x.type.shape.length - 1, 'the number of features')
    const { weight, bias: shift } = this.linearParameters(scope, width, out, {
      bias,
      ...(zeros === undefined ? {} : { zeros }),
    })
    return this.graph.within({ module: scope }, () =>
      this.graph.b.linear(x, this.stored(weight), shift && this.stored(shift)),
    )
  }

  /** The stored tensors of a linear layer. */
  linearParameters(scope: Scope, width: number, out: number, { bias = true, zeros }: AffineSettings = {}) {
    const initialiser = initialiserOf(width, zeros)
    const weight = scope.parameter('weight', [out, width], initialiser)
    return { weight, bias: bias ? scope.parameter('bias', [out], initialiser) : undefined }
  }

  /** x: [batch, channels, ...space]. */
  groupNorm(x: Value, scope: Scope, groups: number): Value {
    return this.graph.within({ module: scope }, () => {
      const { scale, bias } = this.#norm(scope, fixedSize(x.type, 1, 'the number of channels'))
      return this.graph.b.groupNorm(x, scale, bias, { groups, epsilon: normEpsilon })
    })
  }

  /** x: [..., features]. */
  layerNorm(x: Value, scope: Scope | undefined): Value {
    if (scope === undefined) return this.graph.b.layerNorm(x, undefined, undefined, { epsilon: normEpsilon })
    return this.graph.within({ module: scope }, () => {
      const { scale, bias } = this.#norm(scope, fixedSize(x.type, x.type.shape.length - 1, 'the number of features'))
      return this.graph.b.layerNorm(x, scale, bias, { epsilon: normEpsilon })
    })
  }

  #norm(scope: Scope, width: number) {
    const scale = this.stored(scope.parameter('weight', [width], { kind: 'ones' }))
    return { scale, bias: this.stored(scope.parameter('bias', [width], { kind: 'zeros' })) }
  }
}
