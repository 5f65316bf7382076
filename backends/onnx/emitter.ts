/** Collects the nodes, constants and parameters of one ONNX graph while the ops are lowered one by one. */
import { showDimension, isSymbolic, type Dimension, type Shape } from '../../compiler/ir/dimension.js'
import { InternalError } from '../../compiler/diagnostics/internal.js'
import type { Parameter } from '../../compiler/ir/parameter.js'
import { dataTypeOf, type Tensor } from '../../compiler/ir/tensor.js'
import { toFloat16 } from './float16.js'
import type {
  ConstantTensor,
  ElementType,
  FloatType,
  NodeAttributes,
  OnnxNode,
  StoredParameter,
  Subgraph,
  ValueInfo,
} from './model.js'

/** A value of the ONNX graph. */
export interface Operand {
  readonly name: string
  readonly elementType: ElementType
  /** What the value is, where it is known at compile time. Such a value has no type of its own yet. */
  readonly constant?: Tensor
  /** Whether it is stored with the model. */
  readonly stored?: boolean
}

/** A value that leaves a graph or a body, with the type that the outside sees. */
export interface Result {
  readonly operand: Operand
  readonly shape: Shape
}

/** A value of the IR as an ONNX value. */
export interface ShapedOperand extends Operand {
  readonly shape: Shape
}

export interface LoweringOptions {
  readonly opset: number
  /** What weights and most of the computation are kept in. */
  readonly precision: FloatType
  /** Whether the graph trains: its parameters are inputs then, given anew in each run. */
  readonly trains?: boolean
  /**
   * How many channels ONNX Runtime's own convolutions take at a time on this processor. Where absent only operators of
   * the standard are written.
   */
  readonly channelBlock?: number
}

export class Emitter {
  readonly nodes: OnnxNode[] = []
  readonly inputs: ValueInfo[] = []
  /** What is known of values, by name. */
  readonly shapes = new Map<string, ValueInfo>()
  readonly #constants = new Map<string, ConstantTensor>()
  readonly #parameters = new Map<string, StoredParameter>()
  readonly #casts = new Map<string, Operand>()
  readonly #sizes = new Map<string, Operand>()
  readonly #names = new Set<string>()
  /** The body of a loop that is being written: its nodes, and the names of all values that change as it is repeated. */
  #body: { readonly nodes: OnnxNode[]; readonly changing: Set<string> } | undefined
  /** Path of the module whose op is being lowered. */
  path = ''

  constructor(readonly options: LoweringOptions) {}

  get constants(): readonly ConstantTensor[] {
    return [...this.#constants.values()]
  }

  get parameters(): readonly StoredParameter[] {
    return [...this.#parameters.values()]
  }

  /** Keeps a name for something that is not a node. */
  reserve(name: string): void {
    this.#names.add(name)
  }

  input(name: string, elementType: ElementType, shape: Shape): Operand {
    this.reserve(name)
    this.inputs.push({ name, elementType, shape })
    return { name, elementType }
  }

  /** Trained parameters take the model's precision; those that are only stored (angular speeds) stay exact. */
  parameter(parameter: Parameter): Operand {
    if (this.options.trains) return this.#givenParameter(parameter)
    const elementType = parameter.trainable ? this.options.precision : 'float32'
    this.#parameters.set(parameter.name, { parameter, elementType })
    return { name: parameter.name, elementType, stored: true }
  }

  #givenParameter({ name, shape }: Parameter): Operand {
    const known = this.inputs.some((input) => input.name === name)
    return known ? { name, elementType: 'float32' } : this.input(name, 'float32', shape)
  }

  /**
   * The body of a loop, with the nodes that `make` adds. Those that depend on no input of the body stay outside, ahead
   * of the loop: what never changes is computed once.
   */
  body(graphName: string, inputs: readonly ValueInfo[], make: (given: Operand[]) => readonly Result[]): Subgraph {
    if (this.#body !== undefined) throw new InternalError('a loop within a loop')
    for (const { name } of inputs) this.reserve(name)
    const body = { nodes: [], changing: new Set(inputs.map(({ name }) => name)) }
    this.#body = body
    const results = make(inputs.map(({ name, elementType }) => ({ name, elementType })))
    this.#body = undefined
    const outputs = results.map(({ operand, shape }) => ({ ...operand, shape }))
    return { graphName, inputs, outputs, nodes: body.nodes }
  }

  /** Adds a node; its result has the type of the first input unless told. `unread`: how many outputs follow it. */
  node(
    opType: string,
    inputs: readonly (Operand | undefined)[],
    attributes: NodeAttributes = {},
    type?: ElementType,
    unread = 0,
  ): Operand {
    const elementType = type ?? inputs[0]?.elementType ?? 'float32'
    const types = Array.from({ length: 1 + unread }, () => elementType)
    const [result] = this.nodeOf(opType, inputs, attributes, types)
    if (result === undefined) throw new InternalError(`${opType} has no result`)
    return result
  }

  /** Adds a node with several results, of these types. */
  nodeOf(
    opType: string,
    inputs: readonly (Operand | undefined)[],
    attributes: NodeAttributes,
    types: readonly ElementType[],
    domain?: string,
  ): Operand[] {
    const name = this.#uniqueName(this.path === '' ? opType : `${this.path}/${opType}`)
    // An empty name at the end is allowed, and yet crashes ONNX Runtime's convolution on WebGPU.
    const given = inputs.slice(0, inputs.findLastIndex((operand) => operand !== undefined) + 1)
    const names = given.map((operand) => (operand === undefined ? '' : this.#materialise(operand)))
    const outputs = types.map((_, i) => (i === 0 ? name : this.#uniqueName(`${name}/${i}`)))
    const changes = names.some((input) => this.#body?.changing.has(input))
    const nodes = changes && this.#body ? this.#body.nodes : this.nodes
    if (changes) for (const output of outputs) this.#body?.changing.add(output)
    nodes.push({ name, opType, inputs: names, outputs, attributes, ...(domain === undefined ? {} : { domain }) })
    return types.map((elementType, i) => ({ name: outputs[i] ?? name, elementType }))
  }

  /** Tells the shape of a value, which readers of the file need not infer then. */
  shaped(x: Operand, shape: Shape): Operand {
    if (x.constant === undefined) this.shapes.set(x.name, { name: x.name, elementType: x.elementType, shape })
    return x
  }

  /** The same value in another float type. */
  cast(x: Operand, elementType: ElementType): Operand {
    if (x.elementType === elementType) return x
    if (x.constant !== undefined) return { ...x, elementType }
    const key = `${x.name} ${elementType}`
    const done = this.#casts.get(key)
    if (done !== undefined) return done
    const result = this.node('Cast', [x], { to: elementTypeCode[elementType] }, elementType)
    this.#casts.set(key, result)
    return result
  }

  constant(tensor: Tensor): Operand {
    return { name: '', elementType: dataTypeOf(tensor.data), constant: tensor }
  }

  /** One number, in the type of what it is combined with. */
  scalar(value: number, elementType: ElementType): Operand {
    return { name: '', elementType, constant: { shape: [], data: Float32Array.of(value) } }
  }

  /** A list of `count` equal numbers. */
  filled(value: number, count: number, elementType: ElementType): Operand {
    return { name: '', elementType, constant: { shape: [count], data: new Float32Array(count).fill(value) } }
  }

  /** Numbers for arithmetic in float64. */
  doubles(shape: readonly number[], values: readonly number[]): Operand {
    return { name: '', elementType: 'float64', constant: { shape, data: Float64Array.from(values) } }
  }

  /** A list of whole numbers: axes, sizes, paddings. */
  integers(values: readonly number[]): Operand {
    return { name: '', elementType: 'int64', constant: { shape: [values.length], data: Float64Array.from(values) } }
  }

  /** A size as a list of one whole number; sizes known only at run time are read off the graph's inputs. */
  size(dimension: Dimension): Operand {
    if (!isSymbolic(dimension)) return this.integers([dimension])
    const key = showDimension(dimension)
    const known = this.#sizes.get(key)
    if (known !== undefined) return known
    const { path } = this
    this.path = `size/${key}`
    const factors = dimension.symbols.map((name) => this.#symbolSize(name))
    if (dimension.coefficient !== 1 || factors.length === 0) factors.push(this.integers([dimension.coefficient]))
    const result = factors.reduce((a, b) => this.node('Mul', [a, b]))
    this.path = path
    this.#sizes.set(key, result)
    return result
  }

  /** A whole shape as a list; `-1`, `0` and sizes known at compile time stay in a constant where all are. */
  shape(dimensions: Shape): Operand {
    if (dimensions.every((dimension) => !isSymbolic(dimension))) return this.integers(dimensions.map(Number))
    return this.node(
      'Concat',
      dimensions.map((dimension) => this.size(dimension)),
      { axis: 0 },
      'int64',
    )
  }

  #symbolSize(name: string): Operand {
    const key = `symbol ${name}`
    const known = this.#sizes.get(key)
    if (known !== undefined) return known
    for (const input of this.inputs) {
      for (const [axis, dimension] of input.shape.entries()) {
        if (!isSymbolic(dimension) || dimension.symbols.length !== 1 || dimension.symbols[0] !== name) continue
        const whole = this.node('Shape', [input], { start: axis, end: axis + 1 }, 'int64')
        const { coefficient } = dimension
        const result = coefficient === 1 ? whole : this.node('Div', [whole, this.integers([coefficient])])
        this.#sizes.set(key, result)
        return result
      }
    }
    throw new InternalError(`no input of the graph has an axis of the size ${name}`)
  }

  #materialise({ name, elementType, constant }: Operand): string {
    if (constant === undefined) return name
    const bytes = encodeElements(constant, elementType)
    const key = `${elementType} ${constant.shape.join()} ${Buffer.from(bytes).toString('base64')}`
    const known = this.#constants.get(key)
    if (known !== undefined) return known.name
    const values = constant.data.length <= 6 ? [...constant.data].map((value) => Number(value.toPrecision(6))) : []
    const unique = this.#uniqueName([`${elementType}${constant.shape.length > 0 ? 's' : ''}`, ...values].join('_'))
    this.#constants.set(key, { name: unique, elementType, shape: constant.shape, bytes })
    return unique
  }

  #uniqueName(wanted: string): string {
    let name = wanted
    for (let i = 2; this.#names.has(name); i++) name = `${wanted}_${i}`
    this.#names.add(name)
    return name
  }
}

/** TensorProto.DataType of the ONNX format. */
export const elementTypeCode: Readonly<Record<ElementType, number>> = {
  float32: 1,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
}

function encodeElements({ data }: Tensor, elementType: ElementType): Uint8Array {
  switch (elementType) {
    case 'float32':
      return new Uint8Array(Float32Array.from(data).buffer)
    case 'float64':
      return new Uint8Array(Float64Array.from(data).buffer)
    case 'float16':
      return new Uint8Array(toFloat16(Float32Array.from(data)).buffer)
    case 'int64':
      return new Uint8Array(BigInt64Array.from(data, (value) => BigInt(value)).buffer)
    case 'bool':
      return Uint8Array.from(data, (value) => (value === 0 ? 0 : 1))
  }
}
