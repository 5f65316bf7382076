/** A whole nest of models in a graph: from images, times and conditions to predictions. */
import { InternalError } from '../diagnostics/internal.js'
import type { Condition, Model } from '../check/model.js'
import { innermost, partsOf } from '../check/model.js'
import type { Report } from '../diagnostics/diagnostic.js'
import type { GraphBuilder } from '../ir/builder.js'
import { multiply, sameDimension, symbol, type Dimension } from '../ir/dimension.js'
import type { NamedValue, Value } from '../ir/graph.js'
import type { Parameter } from '../ir/parameter.js'
import type { BlockObserver } from './blocks.js'
import { embedCondition, embedTime, type ConditionInputs, type ConditionValues } from './embedding.js'
import { PartBuilder, type PartContext } from './part.js'
import { Scope } from './scope.js'
import { none, sizeValue, tensorValue } from './values.js'

/** The name of a part's image: `256` for an image of that side, `t16_64` for 16 frames of side 64. */
export function resolutionName({ frames, side }: Pick<Model, 'frames' | 'side'>): string {
  return frames === 1 ? String(side) : `t${frames}_${side}`
}

export interface NestInputs {
  /** One noisy image per resolution, outermost first. High resolutions may hold only the first rows of the batch. */
  readonly images: readonly Value[]
  /** [batch] */
  readonly times: Value
  readonly condition: ConditionInputs
  /** By key, each [batch]. */
  readonly micros: ReadonlyMap<string, Value>
}

export interface NestResult {
  /** `pred_RESOLUTION` for each resolution, outermost first. */
  readonly predictions: readonly NamedValue[]
  /** All parameters in the published order. */
  readonly parameters: readonly Parameter[]
}

/** Adds the network of `model` to a graph. Mistakes in blocks are reported; the result is of use only without any. */
export function addNest(
  graph: GraphBuilder,
  model: Model,
  inputs: NestInputs,
  report: Report,
  observer?: BlockObserver,
): NestResult {
  return new NestBuilder(graph, model, report, observer).build(inputs)
}

/** Features and predictions of a part and all that is nested in it. */
interface Result {
  readonly features: Value
  /** Outermost first. */
  readonly predictions: readonly NamedValue[]
}

class NestBuilder {
  readonly #graph: GraphBuilder
  readonly #builder: PartBuilder
  readonly #root: Scope

  constructor(
    graph: GraphBuilder,
    private readonly model: Model,
    report: Report,
    observer?: BlockObserver,
  ) {
    this.#graph = graph
    this.#builder = new PartBuilder(graph, report, observer)
    this.#root = new Scope('', model.name, undefined)
  }

  build({ images, times, condition: given, micros }: NestInputs): NestResult {
    const { model } = this
    return this.#graph.within({ module: this.#root }, () => {
      const condition = model.condition && this.#condition(model.condition, given)
      const rows = times.type.shape[0] ?? 1
      const { predictions } = this.#part(model, this.#root, images, undefined, { times, rows, micros, condition })
      return {
        predictions: predictions.map((prediction) => this.#limited(prediction)),
        parameters: this.#root.parameters(),
      }
    })
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
    if (image === undefined) throw new InternalError('a part without an image')
    const context = this.#context(part, scope, image.type.shape[0] ?? 1, shared)
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

  #context(part: Model, scope: Scope, batch: Dimension, { times, rows: all, micros, condition }: Shared): PartContext {
    const { b } = this.#graph
    const rows = (value: Value | undefined) =>
      value && !sameDimension(batch, all) ? b.slice(value, { axis: 0, start: 0, end: batch }) : value
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
    if (!inner || !last) throw new InternalError('nothing is nested in this part')
    const innerChannels = inner.model.levels[0]?.channels ?? last.channels
    const adapt = (value: Value, name: string, out: number) =>
      this.#builder.adapter(value, context.scope.child(name, 'conv'), out, last.frames, last.span)
    const ownRows = multiply(context.batch, last.frames)
    const innerRows = multiply(images[0]?.type.shape[0] ?? 1, last.frames)
    const mixed = !sameDimension(ownRows, innerRows)
    const adapted = inner.features ? adapt(x, 'in_adapter', innerChannels) : undefined
    const handed = adapted && mixed ? b.pad(adapted, { axis: 0, before: 0, to: innerRows }) : adapted
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
    if (network === undefined) throw new InternalError('this part has no network')
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
      const shape = [1, symbol('tokens')]
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
  /** Rows of the whole batch. */
  readonly rows: Dimension
  readonly micros: ReadonlyMap<string, Value>
  readonly condition: ConditionValues | undefined
}
