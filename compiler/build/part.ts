/** One part of a nest: down, through what is nested in it, and up again. */
import { provided } from '../check/functions.js'
import type { BlockUse, Level, Model } from '../check/model.js'
import {
  blockResult,
  frameGrid,
  notProvided,
  shapesDoNotFit,
  unknownArgument,
  unnamedArgument,
} from '../diagnostics/block.js'
import type { Report, Span } from '../diagnostics/diagnostic.js'
import type { GraphBuilder } from '../ir/builder.js'
import { multiply, sameShape, showShape, type Dimension, type Shape } from '../ir/dimension.js'
import type { Value } from '../ir/graph.js'
import { ShapeError } from '../ops/op.js'
import { BlockRunner, type BlockObserver } from './blocks.js'
import { framesIntoBatch, framesOffGrid, framesOntoGrid, framesOutOfBatch } from './frames.js'
import { Layers } from './layers.js'
import type { Scope } from './scope.js'
import { BlockFault, describe, none, sizeValue, tensorValue, yesNoValue, type BlockValue } from './values.js'

/** Published order of a part's modules. */
const partOrder = [
  'temb_layer1',
  'temb_layer2',
  'cond_emb',
  'cond_layers',
  'conv_in',
  'norm_out',
  'conv_out',
  'down_blocks',
  'mid_blocks',
  'up_blocks',
  'lm_proj',
  'lm_head',
  'inner_unet',
  'in_adapter',
  'out_adapter',
  'interp_layer1',
  'interp_layer2',
]

/** What every block of a part may ask for. */
export interface PartContext {
  readonly part: Model
  readonly scope: Scope
  /** Rows of this part's batch, before frames are folded in. */
  readonly batch: Dimension
  /** [batch, embedding] */
  readonly embedding: Value
  readonly condition: Value | undefined
  readonly mask: Value | undefined
}

export class PartBuilder {
  readonly layers: Layers
  readonly #blocks: BlockRunner

  constructor(
    readonly graph: GraphBuilder,
    private readonly report: Report,
    observer?: BlockObserver,
  ) {
    this.layers = new Layers(graph)
    this.#blocks = new BlockRunner(graph, this.layers, observer)
  }

  /** Sets the published order of a part's modules. */
  arrange(scope: Scope): void {
    scope.order(partOrder)
  }

  /**
   * Builds the part's path through its levels. x: [batch * frames, channels, side, side] after the first convolution;
   * `bottom` turns the features of the last level into those that go up. Result: features before `norm_out`.
   */
  throughLevels(context: PartContext, x: Value, bottom: (x: Value) => Value): Value {
    const { part, scope } = context
    const kept = [x]
    part.levels.forEach((level, i) => {
      const place = scope.child(`down_blocks.${i}`, 'down_level')
      const level_ = new LevelBuilder(this, context, level, place)
      for (let j = 0; j < level.blocks; j++) {
        x = level_.blocks(x, j)
        kept.push(x)
      }
      if (i === part.levels.length - 1) return
      x = level_.resample(x, part.downsample, part.levels[i + 1] ?? level)
      kept.push(x)
    })
    x = bottom(x)
    ;[...part.levels].reverse().forEach((level, i) => {
      const place = scope.child(`up_blocks.${i}`, 'up_level')
      const level_ = new LevelBuilder(this, context, level, place)
      for (let j = 0; j <= level.blocks; j++) {
        const skip = kept.pop()
        if (skip) x = this.#join(x, skip, place)
        x = level_.blocks(x, j)
      }
      const above = part.levels[part.levels.length - 2 - i]
      if (above) x = level_.resample(x, part.upsample, above)
    })
    return x
  }

  /** The way up meets what was kept on the way down. */
  #join(x: Value, kept: Value, place: Scope): Value {
    return this.graph.within({ module: place }, () => this.graph.b.concat(x, kept, { axis: 1 }))
  }

  /** Residual block, attention, residual block. */
  middle(context: PartContext, x: Value, attention: number): Value {
    const last = context.part.levels.at(-1)
    if (last === undefined) return x
    const [first, second] = [0, 1].map((i) => context.scope.child(`mid_blocks.${i}`, 'middle'))
    if (!first || !second) return x
    x = new LevelBuilder(this, context, { ...last, attention, temporalAttention: 0, use: [] }, first).blocks(x, 0)
    return new LevelBuilder(this, context, { ...last, attention: 0, temporalAttention: 0, use: [] }, second).blocks(
      x,
      0,
    )
  }

  /** The first convolution. image: [batch, channels, (frames,) side, side]; divided by its deviation on request. */
  input({ part, scope }: PartContext, image: Value, normalize: boolean): Value {
    const { b } = this.graph
    const first = part.levels[0]
    const layer = scope.child('conv_in', 'conv')
    return this.graph.within({ module: layer }, () => {
      const x = part.frames > 1 ? framesIntoBatch(image, b) : image
      return this.layers.conv(normalize ? this.#divideByDeviation(x) : x, layer, {
        out: first?.channels ?? 1,
        kernel: 3,
      })
    })
  }

  /** x / its standard deviation over channels and space, the unbiased one. */
  #divideByDeviation(x: Value): Value {
    const { b } = this.graph
    const [, channels = 0, height = 0, width = 0] = x.type.shape
    const count = Number(channels) * Number(height) * Number(width)
    const centred = b.sub(x, b.mean(x, { axes: [1, 2, 3], keep: true }))
    const variance = b.div(b.sum(b.mul(centred, centred), { axes: [1, 2, 3], keep: true }), count - 1)
    return b.div(x, b.sqrt(variance))
  }

  /** The prediction from the last features. Result: as the image. */
  output({ part, scope }: PartContext, x: Value): Value {
    const { b } = this.graph
    const normalised = this.layers.groupNorm(x, scope.child('norm_out', 'group_norm'), part.groups)
    const layer = scope.child('conv_out', 'conv')
    return this.graph.within({ module: layer }, () => {
      const prediction = this.layers.conv(b.silu(normalised), layer, {
        out: part.imageChannels,
        kernel: 3,
        zeros: true,
      })
      return part.frames > 1 ? framesOutOfBatch(prediction, part.frames, b) : prediction
    })
  }

  /** A 3x3 convolution between two parts; several frames lie on a grid meanwhile. */
  adapter(x: Value, scope: Scope, out: number, frames: number, span: Span): Value {
    const { b } = this.graph
    if (frames > 1 && !Number.isInteger(Math.sqrt(frames))) {
      this.report(frameGrid({ frames }), span)
      return this.placeholder([x.type.shape[0] ?? 1, out, ...x.type.shape.slice(2)])
    }
    const convolve = (value: Value) => this.layers.conv(value, scope, { out, kernel: 3, zeros: true })
    return this.graph.within({ module: scope }, () =>
      frames > 1 ? framesOffGrid(convolve(framesOntoGrid(x, frames, b)), frames, b) : convolve(x),
    )
  }

  /** Stands for a value that could not be built; the graph is thrown away, but later mistakes are still found. */
  placeholder(shape: Shape): Value {
    return this.graph.add('input', {}, { name: 'placeholder', dataType: 'float32', shape })
  }

  /** Runs a block of the model; a mistake in it is reported at its place and at its use. */
  run(use: BlockUse, offered: ReadonlyMap<string, BlockValue>, scope: Scope, expected: Shape): Value {
    try {
      const result = this.#blocks.run(use.block, use.home, this.#given(use, offered, scope), scope)
      const found = result.kind === 'tensor' ? showShape(result.tensor.type.shape) : describe(result)
      if (result.kind === 'tensor' && sameShape(result.tensor.type.shape, expected)) return result.tensor
      this.report(blockResult({ block: use.name, found, expected: showShape(expected) }), use.block.name.span, {
        because: [{ span: use.span, text: 'used here' }],
      })
    } catch (error) {
      if (error instanceof ShapeError) this.report(shapesDoNotFit({ message: error.message }), use.span)
      else if (error instanceof BlockFault) {
        const uses = [...error.uses, use.span].filter(
          (span) => span.start !== error.span.start || span.file !== error.span.file,
        )
        const because = uses.map((span) => ({ span, text: 'used here' }))
        this.report(error.finding, error.span, { because: because.filter(({ span }) => span.file !== '') })
      } else throw error
    }
    return this.placeholder(expected)
  }

  /** Values for a block's parameters: those given where it is used, then those that the place offers. */
  #given(use: BlockUse, offered: ReadonlyMap<string, BlockValue>, scope: Scope): Map<string, BlockValue> {
    const given = new Map<string, BlockValue>()
    const names = use.block.parameters.map((parameter) => parameter.name.text)
    const own = use.arguments.flatMap(({ name, value }) => (name ? [{ name, value }] : []))
    for (const { name, value } of own) {
      if (names.includes(name.text)) given.set(name.text, this.#blocks.evaluateOutside(value, use.home, scope))
      else throw new BlockFault(unknownArgument({ callee: use.name, name: name.text, known: names }), name.span)
    }
    const unnamed = use.arguments.find(({ name }) => name === undefined)
    if (unnamed) throw new BlockFault(unnamedArgument({ block: use.name, names }), unnamed.value.span)
    for (const parameter of use.block.parameters) {
      const name = parameter.name.text
      const value = given.get(name) ?? offered.get(name)
      if (value !== undefined) given.set(name, value)
      else if (parameter.default === undefined)
        throw new BlockFault(notProvided({ block: use.name, name, provided: [...provided] }), use.span)
    }
    return given
  }
}

/** The blocks of one level on one way, down or up. */
class LevelBuilder {
  constructor(
    private readonly builder: PartBuilder,
    private readonly context: PartContext,
    private readonly level: Level,
    private readonly scope: Scope,
  ) {
    scope.order(['resnets', 'attn', 't_attn', ...level.use.map(({ name }) => name), 'resample'])
  }

  /** The `j`-th residual block and what follows it. x: [batch * frames, channels, side, side]. */
  blocks(x: Value, j: number): Value {
    const { residual, attentionBlock, temporalBlock, use, attention, temporalAttention, channels } = this.level
    x = this.#run(residual, x, `resnets.${j}`, channels)
    for (let k = 0; k < attention; k++) x = this.#run(attentionBlock, x, `attn.${j * attention + k}`, channels)
    for (let k = 0; k < temporalAttention; k++)
      x = this.#run(temporalBlock, x, `t_attn.${j * temporalAttention + k}`, channels)
    for (const block of use) x = this.#run(block, x, `${block.name}.${j}`, channels)
    return x
  }

  /** To the size of another level. */
  resample(x: Value, block: BlockUse, to: Level): Value {
    const { channels } = this.level
    const rows = multiply(this.context.batch, to.frames)
    return this.builder.run(block, this.#offered(x), this.scope, [rows, channels, to.side, to.side])
  }

  #run(use: BlockUse, x: Value, path: string, channels: number): Value {
    const { side, frames } = this.level
    const expected = [multiply(this.context.batch, frames), channels, side, side]
    return this.builder.run(use, this.#offered(x), this.scope.child(path, use.name), expected)
  }

  #offered(x: Value): ReadonlyMap<string, BlockValue> {
    const { part, embedding, condition, mask } = this.context
    const values = {
      x: tensorValue(x),
      emb: tensorValue(embedding),
      out: sizeValue(this.level.channels),
      condition: tensorValue(condition),
      mask: tensorValue(mask),
      frames: sizeValue(this.level.frames),
      groups: sizeValue(part.groups),
      rate: sizeValue(part.dropout),
      heads: sizeValue(part.heads),
      feed_forward: yesNoValue(part.feedForward),
      positions: part.positions === 'none' ? none : ({ kind: 'word', word: part.positions } as const),
      side: sizeValue(this.level.side),
      image_channels: sizeValue(part.imageChannels),
    } satisfies Readonly<Record<(typeof provided)[number], BlockValue>>
    return new Map(Object.entries(values))
  }
}
