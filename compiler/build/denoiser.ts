/** The denoiser of a whole nest as one graph, under the names that users and deployers see. */
import type { Condition, Model } from '../check/model.js'
import { partsOf } from '../check/model.js'
import type { Report } from '../diagnostics/diagnostic.js'
import { GraphBuilder } from '../ir/builder.js'
import { symbol, type Dimension } from '../ir/dimension.js'
import type { Graph, Value } from '../ir/graph.js'
import type { BlockObserver } from './blocks.js'
import type { ConditionInputs } from './embedding.js'
import { addNest, resolutionName } from './nest.js'

export interface DenoiserOptions {
  /** Whether high resolutions may hold only the first rows of the batch (mixed-resolution training). */
  readonly mixedBatch?: boolean
  /** Sees the blocks of the network at work. */
  readonly observer?: BlockObserver
}

/** Keys of all micro-conditions of a nest, with the largest default: the value that stands for "not given". */
export function microDefaults(model: Model): ReadonlyMap<string, number> {
  const defaults = new Map<string, number>()
  for (const { key, default: value } of partsOf(model).flatMap((part) => part.micros)) {
    defaults.set(key, Math.max(value, defaults.get(key) ?? -Infinity))
  }
  return defaults
}

/** Rows of the batch that a part works on: in a mixed batch, high resolutions have a number of their own. */
export function batchOf(part: Model, mixedBatch: boolean): Dimension {
  return mixedBatch && part.inner ? symbol(`batch_${resolutionName(part)}`) : symbol('batch')
}

/** A tensor of the shape of a part's image, as an input of the graph: `x` gives `x_256`. */
export function imageInput(
  graph: GraphBuilder,
  what: string,
  part: Pick<Model, 'side' | 'frames' | 'imageChannels'>,
  batch: Dimension,
): Value {
  const frames = part.frames === 1 ? [] : [part.frames]
  const shape = [batch, part.imageChannels, ...frames, part.side, part.side]
  return graph.input(`${what}_${resolutionName(part)}`, { dataType: 'float32', shape })
}

/** What conditionInputs calls its inputs. */
export const conditionNames = ['text', 'text_mask', 'label']

/** The inputs `text` and `text_mask`, or `label`. */
export function conditionInputs(
  graph: GraphBuilder,
  condition: Condition | undefined,
  batch: Dimension,
): ConditionInputs {
  if (condition?.kind === 'label') return { label: graph.input('label', { dataType: 'int64', shape: [batch] }) }
  if (condition?.kind !== 'text') return {}
  const tokens = symbol('tokens')
  const text = graph.input('text', { dataType: 'float32', shape: [batch, tokens, condition.width] })
  return { text, textMask: graph.input('text_mask', { dataType: 'float32', shape: [batch, tokens] }) }
}

/** The inputs `micro_KEY`. */
export function microInputs(graph: GraphBuilder, model: Model, batch: Dimension): ReadonlyMap<string, Value> {
  const keys = [...microDefaults(model).keys()]
  return new Map(keys.map((key) => [key, graph.input(`micro_${key}`, { dataType: 'float32', shape: [batch] })]))
}

/** Builds the denoiser. Mistakes in blocks are reported; the graph is of use only where there were none. */
export function buildDenoiser(model: Model, report: Report, options: DenoiserOptions = {}): Graph {
  const graph = new GraphBuilder(model.name)
  const batch = symbol('batch')
  const inputs = {
    images: partsOf(model).map((part) => imageInput(graph, 'x', part, batchOf(part, options.mixedBatch ?? false))),
    times: graph.input('times', { dataType: 'float32', shape: [batch] }),
    condition: conditionInputs(graph, model.condition, batch),
    micros: microInputs(graph, model, batch),
  }
  const { predictions, parameters } = addNest(graph, model, inputs, report, options.observer)
  return graph.finish(predictions, parameters)
}
