/** Collects the statements of a program, and brings tensors into the order that an op wants. */
import { raise } from '../../compiler/diagnostics/internal.js'
import { isSymbolic, sameShape } from '../../compiler/ir/dimension.js'
import { dataTypeOf, type DataType, type Tensor, type TensorType } from '../../compiler/ir/tensor.js'
import { code, isOfRun, plain, type Code, type Variable } from './code.js'
import { cutGroups, sameParts, sizesOf, type Groups, type Part } from './layout.js'
import { Operand, type StoredTensor } from './operand.js'
import type { Program, Statement } from './program.js'
import { typeNames } from './tensors.js'

export class Emitter {
  readonly #statements: Statement[] = []
  readonly #inputs: Program['inputs'][number][] = []
  readonly #outputs: Program['outputs'][number][] = []
  readonly #constants: Tensor[] = []
  readonly #helpers = new Map<string, string>()
  #count = 0
  /** The module that statements come from. */
  module = ''

  /** `trains`: whether parameters are given anew in each run. */
  constructor(readonly trains: boolean) {}

  input(name: string, type: TensorType): Operand {
    const variable = { name: this.#next(), stored: false }
    this.#inputs.push({ name, variable: variable.name, type })
    return Operand.plain(type, variable)
  }

  parameter(name: string, shape: readonly number[]): Operand {
    const wait = this.trains ? '' : 'await '
    const text = plain(`${wait}parameter('${name}', [${shape.join(', ')}])`)
    const type: TensorType = { dataType: 'float32', shape }
    const variable = this.#state(text, { ...type, stored: !this.trains, parameter: name })
    return Operand.plain(type, variable)
  }

  constant(tensor: Tensor): Operand {
    const { shape, data } = tensor
    const type: TensorType = { dataType: dataTypeOf(data), shape }
    if (type.dataType === 'float32' && shape.length === 0) return Operand.plain(type, number(data[0] ?? 0))
    const text = plain(`constant(${this.#constants.length}, [${shape.join(', ')}], '${typeNames[type.dataType]}')`)
    this.#constants.push(tensor)
    return Operand.plain(type, this.#state(text, { ...type, stored: true }))
  }

  /** A new tensor, as wide as its groups. */
  tensor(
    text: Code,
    groups: Groups,
    dataType: DataType = 'float32',
    memory: Pick<Statement, 'viewOf' | 'scratch'> = {},
  ): StoredTensor {
    const shape = sizesOf(groups)
    const stored = !isOfRun(text) && !shape.some(isSymbolic)
    const about = { shape, dataType, stored, ...memory }
    return { variable: this.#state(text, about), groups }
  }

  /** A function of the program's own, by its name there. */
  helper(name: string, text: string): Code {
    this.#helpers.set(name, text)
    return plain(name)
  }

  /** A stored tensor with the same parts in the same order in other groups: no number moves. */
  regrouped({ variable, groups }: StoredTensor, wanted: Groups, dataType: DataType): StoredTensor {
    const sizes = sizesOf(wanted)
    if (variable.literal === true || sameShape(sizes, sizesOf(groups))) return { variable, groups: wanted }
    return this.tensor(code`tf.reshape(${variable}, ${sizes})`, wanted, dataType, { viewOf: variable.name })
  }

  /** The value as a tensor whose axes are `groups`, transposed and repeated where it has to be. */
  arranged(operand: Operand, groups: Groups): Variable {
    const { dataType } = operand.type
    const wanted = groups.flat()
    const inOrder = operand.tensors.find((tensor) => !isNumber(tensor) && sameParts(tensor.groups.flat(), wanted))
    return this.regrouped(inOrder ?? this.#rearranged(operand, wanted), groups, dataType).variable
  }

  #rearranged(operand: Operand, wanted: readonly Part[]): StoredTensor {
    const { dataType } = operand.type
    const { first } = operand
    const stored = new Set(operand.stored)
    const there = wanted.filter((part) => stored.has(part))
    if (there.length < stored.size) raise('a part of a tensor was forgotten')
    if (isNumber(first)) return this.#filled(operand, wanted)
    const inOrder = operand.tensors.find((tensor) => sameParts(tensor.groups.flat(), there))
    const transposed = inOrder ?? this.#transposed(operand, there)
    if (there.length === wanted.length) return transposed
    const runs = cutGroups([wanted], (before, after) => stored.has(before) !== stored.has(after))
    const once = runs.map((run) => (run.every((part) => stored.has(part)) ? run : []))
    const { variable } = this.regrouped(transposed, once, dataType)
    const repeated = this.tensor(code`tf.broadcastTo(${variable}, ${sizesOf(runs)})`, runs, dataType)
    operand.add(repeated)
    return repeated
  }

  #filled(operand: Operand, wanted: readonly Part[]): StoredTensor {
    const groups = wanted.map((part) => [part])
    const filled = this.tensor(code`tf.fill(${sizesOf(groups)}, ${operand.first.variable})`, groups)
    operand.add(filled)
    return filled
  }

  #transposed(operand: Operand, order: readonly Part[]): StoredTensor {
    const { first, type } = operand
    const from = first.groups.flat()
    const follows = (before: Part, after: Part) => from.indexOf(after) === from.indexOf(before) + 1
    const runs = cutGroups([order], (before, after) => !follows(before, after))
    const place = ([part]: readonly Part[]) => (part === undefined ? -1 : from.indexOf(part))
    // WebGPU's kernel for matrices waits for all threads of a group, which drivers in software are very slow at.
    const result = runs.length === 2 ? [[], ...runs] : runs
    const source = result.toSorted((a, b) => place(a) - place(b))
    const { variable } = this.regrouped(first, source, type.dataType)
    const permutation = result.map((run) => source.indexOf(run))
    const transposed = this.tensor(code`tf.transpose(${variable}, ${permutation})`, result, type.dataType)
    operand.add(transposed)
    return transposed
  }

  /** Makes a value an output: a tensor of its own in the order of the graph. */
  output(name: string, value: Operand): void {
    const variable = this.arranged(value, value.axes)
    const others = [...this.#inputs, ...this.#outputs].map((other) => other.variable)
    const isOwn = !variable.stored && !others.includes(variable.name)
    this.#outputs.push({ name, variable: isOwn ? variable.name : this.#cloned(variable, value).name })
  }

  /** The program, with its outputs in this order. */
  finish(names: readonly string[]): Program {
    const sizes = this.#inputs.flatMap(({ type }) => type.shape)
    return {
      statements: this.#statements,
      inputs: this.#inputs,
      outputs: this.#outputs.toSorted((a, b) => names.indexOf(a.name) - names.indexOf(b.name)),
      helpers: [...this.#helpers].map(([helper, text]) => ({ name: helper, text })),
      constants: this.#constants,
      symbols: [...new Set(sizes.flatMap((size) => (isSymbolic(size) ? size.symbols : [])))],
    }
  }

  #cloned(variable: Variable, { axes, type }: Operand): Variable {
    const about = { shape: sizesOf(axes), dataType: type.dataType, stored: false, viewOf: variable.name }
    return this.#state(code`tf.clone(${variable})`, about)
  }

  #state(text: Code, about: Omit<Statement, 'result' | 'code' | 'module'>): Variable {
    const result = this.#next()
    this.#statements.push({ result, code: text, module: this.module, ...about })
    return { name: result, stored: about.stored }
  }

  #next(): string {
    return `t${this.#count++}`
  }
}

function isNumber({ variable }: StoredTensor): boolean {
  return variable.literal === true
}

/** A number as JavaScript writes it. */
function number(value: number): Variable {
  return { name: Object.is(value, -0) ? '-0' : String(value), stored: true, literal: true }
}
