/**
 * A graph as statements that call tfjs, which an engine runs and a module holds as its text (text.ts). Each tensor is
 * disposed right after the statement that reads it last; what depends on weights alone is made once and kept.
 */
import type { Dimension, Shape } from '../../compiler/ir/dimension.js'
import type { DataType, Tensor, TensorType } from '../../compiler/ir/tensor.js'
import { readsOf, type Code } from './code.js'

/** A tensor is made. */
export interface Statement {
  /** Its name within the program, `t12`; what is written may have another one. */
  readonly result: string
  /** What it is. */
  readonly code: Code
  /** Whether it is made once, when the program is loaded. */
  readonly stored: boolean
  readonly shape: Shape
  readonly dataType: DataType
  /** The tensor whose memory it shares. */
  readonly viewOf?: string
  /** Elements of float32 tensors that exist while it is made. */
  readonly scratch?: readonly Dimension[]
  /** The parameter that it is. */
  readonly parameter?: string
  /** The module of the model that it comes from, as a path. */
  readonly module: string
}

export interface Program {
  readonly statements: readonly Statement[]
  /** The inputs of the graph, and the tensors that they are in the program. */
  readonly inputs: readonly { readonly name: string; readonly variable: string; readonly type: TensorType }[]
  readonly outputs: readonly { readonly name: string; readonly variable: string }[]
  /** Functions of the program's own. */
  readonly helpers: readonly { readonly name: string; readonly text: string }[]
  /** Tensors that `constant(number)` gives. */
  readonly constants: readonly Tensor[]
  /** The sizes known only at run time. */
  readonly symbols: readonly string[]
}

/** The tensors that a statement reads. */
export function readsIn({ code }: Statement): string[] {
  return readsOf(code).map(({ name }) => name)
}

/** What is made in each run. */
export function runStatements({ statements }: Program): readonly Statement[] {
  return statements.filter(({ stored }) => !stored)
}

/** What is made once, with those that are read in each run. */
export function storedStatements(program: Program): { statements: readonly Statement[]; kept: ReadonlySet<string> } {
  const read = new Set(runStatements(program).flatMap(readsIn))
  const statements = program.statements.filter(({ stored }) => stored)
  return { statements, kept: new Set(statements.flatMap(({ result }) => (read.has(result) ? [result] : []))) }
}

/** The inputs that nothing reads. */
export function unreadInputs(program: Program): string[] {
  const read = new Set(runStatements(program).flatMap(readsIn))
  return program.inputs.map(({ variable }) => variable).filter((name) => !read.has(name))
}

/** For each statement, the tensors that nothing reads after it. What is neither made here nor given is left alone. */
export function endings(
  statements: readonly Statement[],
  kept: ReadonlySet<string>,
  given: readonly string[] = [],
): ReadonlyMap<Statement, readonly string[]> {
  const last = new Map<string, Statement>()
  const own = new Set([...given, ...statements.map(({ result }) => result)])
  for (const statement of statements)
    for (const name of [statement.result, ...readsIn(statement)])
      if (own.has(name) && !kept.has(name)) last.set(name, statement)
  const ending = new Map<Statement, string[]>()
  for (const [name, statement] of last) ending.set(statement, [...(ending.get(statement) ?? []), name])
  return ending
}
