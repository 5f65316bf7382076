/** What a model costs level by level: parameters, operations and memory. */
import { partsOf, type Model } from '../check/model.js'
import { costOf, type Cost } from '../ir/cost.js'
import type { Bindings } from '../ir/dimension.js'
import type { Graph } from '../ir/graph.js'
import { elementCount } from '../ir/tensor.js'
import { resolutionName } from './nest.js'

export interface SummaryRow {
  /** The model that the row belongs to. */
  readonly part: string
  readonly name: string
  readonly parameters: number
  readonly flops: number
  /** Most bytes of activations that exist at once in it. */
  readonly peakBytes: number
}

export interface Summary {
  readonly parameterCount: number
  readonly flops: number
  readonly peakBytes: number
  readonly rows: readonly SummaryRow[]
}

/** Symbols other than the batch: as many tokens as FLAN-T5 gives for a sentence or two. */
export function bindingsFor(model: Model, batch: number, tokens: number): Bindings {
  const mixed = partsOf(model).map((part) => [`batch_${resolutionName(part)}`, batch] as const)
  return { batch, tokens, ...Object.fromEntries(mixed) }
}

/** The cost of one run of the denoiser. `graph` is the model's, optimised or not. */
export function summarise(model: Model, graph: Graph, bindings: Bindings): Summary {
  const cost = costOf(graph, bindings)
  const rows = partsOf(model).flatMap((part, depth) => {
    const prefix = 'inner_unet.'.repeat(depth)
    return rowsOf(part).map(([name, modules]): SummaryRow => {
      const paths = modules.map((module) => prefix + module)
      const prices = paths.flatMap((path): Cost[] | Cost => cost.modules.get(path) ?? [])
      return {
        part: part.name,
        name,
        parameters: graph.parameters
          .filter(({ name: parameter }) => paths.some((path) => parameter.startsWith(`${path}.`)))
          .reduce((sum, { shape }) => sum + elementCount(shape), 0),
        flops: prices.reduce((sum, price) => sum + price.flops, 0),
        peakBytes: prices.reduce((most, price) => Math.max(most, price.peakBytes), 0),
      }
    })
  })
  const parameterCount = graph.parameters.reduce((sum, { shape }) => sum + elementCount(shape), 0)
  return {
    parameterCount,
    flops: cost.total.flops,
    peakBytes: cost.total.peakBytes,
    rows: withRest(rows, parameterCount, cost.total, model),
  }
}

/** The rows of a part and the modules that each adds up. */
function rowsOf(part: Model): readonly (readonly [string, readonly string[]])[] {
  const last = part.levels.length - 1
  return [
    [
      'time, condition',
      [
        'embedding',
        'temb_layer1',
        'temb_layer2',
        'cond_emb',
        'cond_layers',
        'lm_proj',
        'lm_head',
        'interp_layer1',
        'interp_layer2',
      ],
    ],
    ...(part.network ? [] : [['input, output', ['conv_in', 'norm_out', 'conv_out']] as const]),
    ...part.levels.map(
      ({ side, frames }, i) =>
        [
          frames === 1 ? `level ${side}` : `level ${side}, ${frames} frames`,
          [`down_blocks.${i}`, `up_blocks.${last - i}`],
        ] as const,
    ),
    ...(part.middle === undefined ? [] : [['middle', ['mid_blocks']] as const]),
    ...(part.inner ? [['adapters', ['in_adapter', 'out_adapter']] as const] : []),
  ]
}

/** What no row covers: sums and joins between modules, and a network that is one block. */
function withRest(rows: readonly SummaryRow[], parameters: number, total: Cost, model: Model): SummaryRow[] {
  const sum = (key: 'parameters' | 'flops') => rows.reduce((all, row) => all + row[key], 0)
  const rest = { parameters: parameters - sum('parameters'), flops: total.flops - sum('flops') }
  if (rest.parameters === 0 && rest.flops === 0) return [...rows]
  return [
    ...rows,
    {
      part: model.name,
      name: model.network ? `network ${model.network.name}` : 'between',
      ...rest,
      peakBytes: model.network ? total.peakBytes : 0,
    },
  ]
}
