/**
 * A graph as a straight line of calls of tfjs, which an engine runs and a module can hold as its text. Each tensor is
 * disposed right after the statement that reads it last; what depends on weights alone is made once and kept.
 */
import { evaluateShape, type Bindings, type Shape } from '../../compiler/ir/dimension.js'
import { elementCount, type DataType, type Tensor } from '../../compiler/ir/tensor.js'

/** A tensor gets a name. */
export interface Statement {
  readonly result: string
  /** What it is, as JavaScript. */
  readonly text: string
  /** The tensors that are read. */
  readonly reads: readonly string[]
  /** Whether it is made once, when the program is loaded. */
  readonly stored: boolean
  readonly shape: Shape
  readonly dataType: DataType
  /** The tensor whose memory it shares. */
  readonly viewOf?: string
  /** The module of the model that it comes from, as a path. */
  readonly module: string
}

export interface Program {
  readonly statements: readonly Statement[]
  /** The inputs of the graph, under their names in the program. */
  readonly inputs: readonly { readonly name: string; readonly variable: string; readonly shape: Shape }[]
  readonly outputs: readonly { readonly name: string; readonly variable: string }[]
  /** Functions of the program's own. */
  readonly helpers: readonly { readonly name: string; readonly text: string }[]
  /** Tensors that `constant(number)` gives. */
  readonly constants: readonly Tensor[]
  /** The sizes known only at run time. */
  readonly symbols: readonly string[]
}

/**
 * The body of a function of `tf`, `parameter` and `constant` that promises what is kept, by name.
 * `parameter(name, shape)` promises a tensor of the model, `constant(number, shape, type)` gives one of `constants`.
 */
export function storedText(program: Program): string {
  const kept = keptNames(program)
  const statements = program.statements.filter(({ stored }) => stored)
  const body = [
    ...helperLines(program, statements),
    ...lines(statements, new Set(kept)),
    `return { ${kept.join(', ')} }`,
  ]
  return ['return (async () => {', ...body, '})()'].join('\n')
}

/**
 * The body of a function of `tf`, `sizes`, `inputs`, `stored` and `parameter` that computes the outputs, by name. It
 * disposes the inputs. Where a model trains `parameter(name, shape)` gives its tensors; they are disposed as well.
 */
export function runText(program: Program): string {
  const outputs = new Set(program.outputs.map(({ variable }) => variable))
  const statements = program.statements.filter(({ stored }) => !stored)
  const inputs = program.inputs.map(({ name, variable }) =>
    name === variable ? name : `${JSON.stringify(name)}: ${variable}`,
  )
  const given = program.inputs.map(({ variable }) => variable)
  const read = new Set(statements.flatMap(({ reads }) => reads))
  const unread = given.filter((name) => !read.has(name))
  return [
    `const { ${program.symbols.join(', ')} } = sizes`,
    `const { ${inputs.join(', ')} } = inputs`,
    `const { ${keptNames(program).join(', ')} } = stored`,
    ...helperLines(program, statements),
    ...disposal(unread),
    ...lines(statements, outputs, given),
    `return { ${program.outputs.map(({ name, variable }) => `${JSON.stringify(name)}: ${variable}`).join(', ')} }`,
  ].join('\n')
}

/** The functions that statements call. */
function helperLines({ helpers }: Program, statements: readonly Statement[]): string[] {
  const called = helpers.filter(({ name }) => statements.some(({ text }) => text.startsWith(`${name}(`)))
  return called.map(({ name, text }) => `const ${name} = ${text}`)
}

/** What is made once and read in each run. */
function keptNames({ statements }: Program): string[] {
  const read = new Set(statements.flatMap((statement) => (statement.stored ? [] : statement.reads)))
  return statements.flatMap(({ stored, result }) => (stored && read.has(result) ? [result] : []))
}

/** Statements with their disposals, under the modules that they come from. */
function lines(statements: readonly Statement[], kept: ReadonlySet<string>, given: readonly string[] = []): string[] {
  const ending = endings(statements, kept, given)
  let module = ''
  return statements.flatMap((statement, i) => {
    const heading = statement.module === module || statement.module === '' ? [] : [`// ${statement.module}`]
    module = statement.module
    return [...heading, `const ${statement.result} = ${statement.text}`, ...disposal(ending[i] ?? [])]
  })
}

function disposal(names: readonly string[]): string[] {
  if (names.length === 0) return []
  return [names.length === 1 ? `${names.join()}.dispose()` : `tf.dispose([${names.join(', ')}])`]
}

/** For each statement, the tensors that nothing reads after it. What is neither made here nor given is left alone. */
function endings(
  statements: readonly Statement[],
  kept: ReadonlySet<string>,
  given: readonly string[],
): readonly (readonly string[])[] {
  const last = new Map<string, number>()
  const own = new Set([...given, ...statements.map(({ result }) => result)])
  statements.forEach(({ result, reads }, i) => {
    for (const name of [result, ...reads]) if (own.has(name) && !kept.has(name)) last.set(name, i)
  })
  const ending: string[][] = statements.map(() => [])
  for (const [name, i] of last) ending[i]?.push(name)
  return ending
}

const bytesPerElement: Readonly<Record<DataType, number>> = { float32: 4, int64: 4, bool: 1 }

/** The most bytes of tensors that exist at once in a run: inputs and what is made, without what is kept. */
export function peakBytes(program: Program, bindings: Bindings): number {
  const statements = program.statements.filter(({ stored }) => !stored)
  const outputs = new Set(program.outputs.map(({ variable }) => variable))
  const given = program.inputs.map(({ variable }) => variable)
  const ending = endings(statements, outputs, given)
  const stored = new Set(keptNames(program))
  const memory = new Map<string, { readonly bytes: number; names: number }>()
  let live = 0
  for (const { variable, shape } of program.inputs) {
    const bytes = elementCount(evaluateShape(shape, bindings)) * bytesPerElement.float32
    memory.set(variable, { bytes, names: 1 })
    live += bytes
  }
  let peak = live
  statements.forEach(({ result, shape, dataType, viewOf }, i) => {
    const shared = viewOf === undefined ? undefined : memory.get(viewOf)
    if (shared !== undefined) {
      shared.names++
      memory.set(result, shared)
    } else if (viewOf === undefined || !stored.has(viewOf)) {
      const bytes = elementCount(evaluateShape(shape, bindings)) * bytesPerElement[dataType]
      memory.set(result, { bytes, names: 1 })
      live += bytes
    }
    peak = Math.max(peak, live)
    for (const name of ending[i] ?? []) {
      const held = memory.get(name)
      if (held !== undefined && --held.names === 0) live -= held.bytes
    }
  })
  return peak
}
