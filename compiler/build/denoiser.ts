/** The denoiser of a whole nest as one graph, under the names that users and deployers see. */
import type { Condition, Model } from '../check/model.js'
import { innermost, partsOf } from '../check/model.js'
import type { Report } from '../diagnostics/diagnostic.js'
import { GraphBuilder } from '../ir/builder.js'
import { multiply, symbol, type Dimension } from '../ir/dimension.js'
import type { Graph, NamedValue, Value } from '../ir/graph.js'
import { embedCondition, embedTime, type ConditionInputs, type ConditionValues } from './embedding.js'
import { PartBuilder, type PartContext } from './part.js'
import { Scope } from './scope.js'
import { none, sizeValue, tensorValue } from './values.js'

export interface DenoiserOptions {
  /** Whether high resolutions may hold only the first rows of the batch (mixed-resolution training). */
  readonly mixedBatch?: boolean
}

/** The name of a part's image: `256` for an image of that side, `t16_64` for 16 frames of side 64. */
export function resolutionName({ frames, side }: Pick<Model, 'frames' | 'side'>): string {
  return frames === 1 ? String(side) : `t${frames}_${side}`
}

/** Keys of all micro-conditions of a nest, with the largest default: the value that stands for "not given". */
export function microDefaults(model: Model): ReadonlyMap<string, number> {
  const defaults = new Map<string, number>()
  for (const { key, default: value } of partsOf(model).flatMap((part) => part.micros)) {
    defaults.set(key, Math.max(value, defaults.get(key) ?? -Infinity))
  }
  return defaults
}

/** Builds the denoiser. Mistakes in blocks are reported; the graph is of use only where there were none. */
export function buildDenoiser(model: Model, report: Report, options: DenoiserOptions = {}): Graph {
  return new DenoiserBuilder(model, report, options.mixedBatch ?? false).build()
}

/** Features and predictions of a part and all that is nested in it. */
interface Result {
  readonly features: Value
  /** Outermost first. */
  readonly predictions: readonly NamedValue[]
}

class DenoiserBuilder {
  readonly #graph: GraphBuilder
  readonly #builder: PartBuilder
  readonly #root: Scope

  constructor(
    private readonly model: Model,
    private readonly report: Report,
    private readonly mixedBatch: boolean,
  ) {
    this.#graph = new GraphBuilder(model.name)
    this.#builder = new PartBuilder(this.#graph, report)
    this.#root = new Scope('', model.name, undefined)
    this.#graph.origin = { module: this.#root }
  }

  build(): Graph {
    const { model } = this
    const images = partsOf(model).map((part) => this.#image(part))
    const batch = symbol('batch')
    const times = this.#graph.input('times', { dataType: 'float32', shape: [batch] })
    const conditionInputs = this.#conditionInputs(model.condition, batch)
    const micros = new Map(
      [...microDefaults(model).keys()].map((key) => [
        key,
        this.#graph.input(`micro_${key}`, { dataType: 'float32', shape: [batch] }),
      ]),
    )
    const condition = model.condition && this.#condition(model.condition, conditionInputs)
    const { predictions } = this.#part(model, this.#root, images, undefined, { times, micros, condition })
    return this.#graph.finish(
      predictions.map((prediction) => this.#limited(prediction)),
      this.#root.parameters(),
    )
  }

  /** Rows of the batch that a part works on. */
  #batchOf(part: Model): Dimension {
    return this.mixedBatch && part.inner ? symbol(`batch_${resolutionName(part)}`) : symbol('batch')
  }

  #image(part: Model): Value {
    const frames = part.frames === 1 ? [] : [part.frames]
    return this.#graph.input(`x_${resolutionName(part)}`, {
      dataType: 'float32',
      shape: [this.#batchOf(part), part.imageChannels, ...frames, part.side, part.side],
    })
  }

  #conditionInputs(condition: Condition | undefined, batch: Dimension): ConditionInputs {
    if (condition?.kind === 'label') return { label: this.#graph.input('label', { dataType: 'int64', shape: [batch] }) }
    if (condition?.kind !== 'text') return {}
    const tokens = symbol('tokens')
    const text = this.#graph.input('text', { dataType: 'float32', shape: [batch, tokens, condition.width] })
    return { text, textMask: this.#graph.input('text_mask', { dataType: 'float32', shape: [batch, tokens] }) }
  }

  #condition(condition: Condition, inputs: ConditionInputs): ConditionValues {
    const base = innermost(this.model)
    const depth = partsOf(this.model).length - 1
    const scope =
      depth === 0 ? this.#root : this.#root.child(new Array<string>(depth).fill('inner_unet').join('.'), base.name)
    const textLayer = (tokens: Value, mask: Value | undefined, layer: Scope) =>
      this.#builder.run(
        base.textLayer,
        new Map([
          ['x', tensorValue(tokens)],
          ['mask', tensorValue(mask)],
        ]),
        layer,
        tokens.type.shape,
      )
    return this.#graph.within({ module: scope.child('embedding', 'embedding') }, () =>
      embedCondition(condition, inputs, base.embedding, scope, this.#builder.layers, textLayer),
    )
  }

  #part(part: Model, scope: Scope, images: readonly Value[], handed: Value | undefined, shared: Shared): Result {
    this.#builder.arrange(scope)
    const [image, ...innerImages] = images
    if (image === undefined) throw new Error('a part without an image')
    const context = this.#context(part, scope, shared)
    const name = `pred_${resolutionName(part)}`
    if (part.network) return { features: image, predictions: [{ name, value: this.#network(part, context, image) }] }
    const normalize = part.inner !== undefined && (part.normalize ?? part !== this.model)
    const first = this.#builder.input(context, image, normalize)
    const x = handed
      ? this.#graph.within({ module: scope.child('conv_in', 'conv') }, () => this.#graph.b.add(first, handed))
      : first
    let inner: Result | undefined
    const features = this.#builder.throughLevels(context, x, (bottom) => {
      const middle = part.middle === undefined ? bottom : this.#builder.middle(context, bottom, part.middle)
      if (!part.inner) return middle
      // An outer part's middle has parameters in old checkpoints, but takes no part in the computation.
      inner = this.#nested(part, context, bottom, innerImages, shared)
      return inner.features
    })
    this.#unread(part, scope)
    return {
      features,
      predictions: [{ name, value: this.#builder.output(context, features) }, ...(inner?.predictions ?? [])],
    }
  }

  #context(part: Model, scope: Scope, { times, micros, condition }: Shared): PartContext {
    const { b } = this.#graph
    const batch = this.#batchOf(part)
    const rows = (value: Value | undefined) =>
      value && this.mixedBatch && part.inner ? b.slice(value, { axis: 0, start: 0, end: batch }) : value
    const embedding = this.#graph.within({ module: scope.child('embedding', 'embedding') }, () => {
      const time = embedTime(part, scope, times, micros, this.#builder.layers)
      return condition ? b.add(time, condition.embedding) : time
    })
    return {
      part,
      scope,
      batch,
      embedding: rows(embedding) ?? embedding,
      condition: rows(condition?.tokens),
      mask: rows(condition?.mask),
    }
  }

  /** Runs the nested model between the ways down and up of an outer part. x: the outer part's last features. */
  #nested(part: Model, context: PartContext, x: Value, images: readonly Value[], shared: Shared): Result {
    const { b } = this.#graph
    const { inner } = part
    const last = part.levels.at(-1)
    if (!inner || !last) throw new Error('nothing is nested in this part')
    const innerChannels = inner.model.levels[0]?.channels ?? last.channels
    const adapt = (value: Value, name: string, out: number) =>
      this.#builder.adapter(value, context.scope.child(name, 'conv'), out, last.frames, last.span)
    const ownRows = multiply(context.batch, last.frames)
    const innerRows = multiply(this.#batchOf(inner.model), last.frames)
    const mixed = this.mixedBatch
    const adapted = inner.features ? adapt(x, 'in_adapter', innerChannels) : undefined
    const handed = adapted && mixed ? b.padEnd(adapted, { axis: 0, to: innerRows }) : adapted
    const scope = context.scope.child('inner_unet', inner.model.name)
    const result = this.#graph.within({ module: scope }, () => this.#part(inner.model, scope, images, handed, shared))
    const back = mixed ? b.slice(result.features, { axis: 0, start: 0, end: ownRows }) : result.features
    const features = this.#graph.within({ module: context.scope.child('out_adapter', 'conv') }, () =>
      b.add(x, adapt(back, 'out_adapter', last.channels)),
    )
    return { features, predictions: result.predictions }
  }

  #network(part: Model, context: PartContext, image: Value): Value {
    const { network } = part
    if (network === undefined) throw new Error('this part has no network')
    const { embedding, condition, mask } = context
    const offered = new Map([
      ['x', tensorValue(image)],
      ['emb', tensorValue(embedding)],
      ['condition', tensorValue(condition)],
      ['mask', tensorValue(mask)],
      ['rate', sizeValue(part.dropout)],
      ['heads', sizeValue(part.heads)],
      ['groups', sizeValue(part.groups)],
      ['side', sizeValue(part.side)],
      ['image_channels', sizeValue(part.imageChannels)],
      ['positions', none],
    ])
    return this.#builder.run(network, offered, context.scope, image.type.shape)
  }

  /** Parameters of published checkpoints that nothing reads. */
  #unread(part: Model, scope: Scope): void {
    const { layers } = this.#builder
    if (part.inner && part.ownCondition) {
      const { width, project, layers: count } = part.ownCondition
      const shape = [symbol('batch'), symbol('tokens')]
      const features = project ?? width
      layers.linearParameters(scope.child('cond_emb', 'linear'), features, part.embedding, { bias: false })
      if (project !== undefined) layers.linearParameters(scope.child('lm_proj', 'linear'), width, project)
      for (let i = 0; i < count; i++) {
        const tokens = this.#builder.placeholder([...shape, features])
        this.#builder.run(
          part.textLayer,
          new Map([['x', tensorValue(tokens)]]),
          scope.child(`lm_head.${i}`, 'text_layer'),
          tokens.type.shape,
        )
      }
    }
    if (part.interpolationEmbedding) {
      layers.linearParameters(scope.child('interp_layer1', 'linear'), part.embedding / 4, part.embedding)
      layers.linearParameters(scope.child('interp_layer2', 'linear'), part.embedding, part.embedding)
    }
  }

  #limited({ name, value }: NamedValue): NamedValue {
    const { b } = this.#graph
    const { outputScale } = this.model.diffusion
    return { name, value: outputScale === 0 ? value : b.mul(b.tanh(b.div(value, outputScale)), outputScale) }
  }
}

/** What all parts of a nest share. */
interface Shared {
  readonly times: Value
  readonly micros: ReadonlyMap<string, Value>
  readonly condition: ConditionValues | undefined
}
