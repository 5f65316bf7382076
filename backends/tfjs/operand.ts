/** A value of the graph as the lowerings see it: its axes in parts, and the tensors that hold it. */
import { raise } from '../../compiler/diagnostics/internal.js'
import type { TensorType } from '../../compiler/ir/tensor.js'
import { Division, plainAxes, type Axes, type Groups, type Part } from './layout.js'
import type { Variable } from './code.js'

/** A tensor of the program, and which parts its axes are. */
export interface StoredTensor {
  readonly variable: Variable
  readonly groups: Groups
}

export class Operand {
  #axes: Axes
  #tensors: readonly StoredTensor[]

  /** `tensors` hold the same numbers with their parts in different orders; the first one was made first. */
  constructor(
    readonly type: TensorType,
    axes: Axes,
    tensors: readonly StoredTensor[],
  ) {
    this.#axes = axes
    this.#tensors = tensors
  }

  /** A tensor in the order of the graph. */
  static plain(type: TensorType, variable: Variable): Operand {
    const axes = plainAxes(type.shape)
    return new Operand(type, axes, [{ variable, groups: axes }])
  }

  get axes(): Axes {
    return this.#axes
  }

  get tensors(): readonly StoredTensor[] {
    return this.#tensors
  }

  get first(): StoredTensor {
    return this.#tensors[0] ?? raise('no tensor holds the value')
  }

  /** The parts that a tensor stores, in its order. */
  get stored(): readonly Part[] {
    return this.first.groups.flat()
  }

  axis(axis: number): readonly Part[] {
    return this.#axes[axis] ?? []
  }

  /** Another tensor that holds the value. */
  add(tensor: StoredTensor): void {
    this.#tensors = [...this.#tensors, tensor]
  }

  /** Sees the value as other parts, in one tensor. */
  hold(axes: Axes, tensor: StoredTensor): void {
    this.#axes = axes
    this.#tensors = [tensor]
  }

  /** Sees parts as smaller ones. */
  divide(division: Division): void {
    this.#axes = this.#axes.map((parts) => division.apply(parts))
    this.#tensors = this.#tensors.map((tensor) => divided(tensor, division))
  }

  /** The same tensors under other axes. */
  as(type: TensorType, axes: Axes, division = new Division()): Operand {
    return new Operand(
      type,
      axes,
      this.#tensors.map((tensor) => divided(tensor, division)),
    )
  }

  /** The same axes for another tensor. */
  with(type: TensorType, tensor: StoredTensor): Operand {
    return new Operand(type, this.#axes, [tensor])
  }
}

function divided({ variable, groups }: StoredTensor, division: Division): StoredTensor {
  return { variable, groups: groups.map((group) => division.apply(group)) }
}
