/**
 * Which values of the forward pass the gradients keep and which they compute a second time (Chen et al. 2016,
 * "Training deep nets with sublinear memory cost"): a segment keeps its inputs, and the rest is computed anew when its
 * gradients are due.
 */
import { InternalError } from '../diagnostics/internal.js'
import type { GraphBuilder } from '../ir/builder.js'
import type { Node, Value } from '../ir/graph.js'
import { opOf } from '../ops/index.js'

/** Names the segment of a node; undefined where its value is kept. */
export type SegmentOf = (node: Node) => string | undefined

/** How much is computed a second time: nothing, what each block computes, or what each level of the network computes. */
export const recomputeChoices = ['none', 'block', 'level'] as const
export type Recompute = (typeof recomputeChoices)[number]

/**
 * Parts of a path up to a level (`down_blocks.0`), or to a block in it (`down_blocks.0.resnets.1`). The numbered parts of
 * a network of one's own are levels without blocks.
 */
const levelPath = /^((?:inner_unet\.)*)(\w+\.\d+)(\.\w+\.\d+)?/

export function segmentsOf(choice: Recompute): SegmentOf {
  return ({ module }) => {
    const [, nest = '', level, block] = levelPath.exec(module.path) ?? []
    if (choice === 'none' || level === undefined) return undefined
    return choice === 'level' ? nest + level : nest + level + (block ?? '')
  }
}

export class Recomputation {
  readonly #segments: ReadonlyMap<Node, string>
  readonly #again = new Map<Node, Value>()
  /** The first gradient that enters a segment: nothing is computed again before it is there. */
  readonly #signals = new Map<string, Value>()

  constructor(
    private readonly builder: GraphBuilder,
    nodes: readonly Node[],
    segmentOf: SegmentOf,
  ) {
    const found = new Map<Node, string>()
    for (const node of nodes) {
      const segment = Object.keys(node.inputs).length === 0 ? undefined : segmentOf(node)
      if (segment !== undefined) found.set(node, segment)
    }
    this.#segments = found
  }

  /** The inputs and the result of a node as its gradient, given `dy`, should read them. */
  needed(node: Node, dy: Value): [inputs: Readonly<Record<string, Value>>, y: Value] {
    const segment = this.#segments.get(node)
    if (segment === undefined) return [node.inputs, node]
    if (!this.#signals.has(segment)) this.#signals.set(segment, dy)
    return [this.#inputsOf(node, segment), this.#computed(node, segment)]
  }

  #inputsOf(node: Node, segment: string): Readonly<Record<string, Value>> {
    return Object.fromEntries(
      Object.entries(node.inputs).map(([name, value]) => [name, this.#computed(value, segment)]),
    )
  }

  #computed(node: Node, segment: string): Value {
    const isSource = Object.keys(node.inputs).length === 0
    if (isSource) return node
    const done = this.#again.get(node)
    if (done !== undefined && this.#segments.get(node) === segment) return done
    if (this.#segments.get(node) !== segment) return this.#entering(node, segment)
    if (opOf(node.op).random === true) throw new InternalError('a random value cannot be computed a second time')
    const value = this.builder.add(node.op, this.#inputsOf(node, segment), node.attributes)
    this.#again.set(node, value)
    return value
  }

  readonly #entered = new Map<string, Map<Node, Value>>()

  /** A value from outside, held back until the segment's gradients begin. */
  #entering(node: Node, segment: string): Value {
    const values = this.#entered.get(segment) ?? new Map<Node, Value>()
    this.#entered.set(segment, values)
    const signal = this.#signals.get(segment)
    if (signal === undefined) throw new InternalError('a segment is computed again before its gradients begin')
    const value = values.get(node) ?? this.builder.b.after(node, signal)
    values.set(node, value)
    return value
  }
}
