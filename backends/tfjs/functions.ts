/** Divides a program into functions, one for each block of the model, with one for its gradients. */
import { gradientName } from '../../compiler/training.js'
import { identifier, Names } from './names.js'
import { readsIn, runStatements, type Program, type Statement } from './program.js'

/** Statements that follow each other and belong together. */
export interface Run {
  /** The function that they become; undefined where they stay in the program's main function. */
  readonly name: string | undefined
  /** Path of the block, which the modules of the statements lie in. */
  readonly block: string
  readonly statements: readonly Statement[]
}

/** Shorter runs are not worth a function. */
const shortest = 8

/**
 * The statements of each run of the program, in their order. A block is a module that others lie in, such as a residual
 * block with its layers; a layer that lies in none is a block of its own.
 */
export function runsOf(program: Program, names: Names): readonly Run[] {
  const statements = runStatements(program)
  const blockOf = blocksIn(statements)
  const backward = gradientsIn(program)
  const runs: { block: string; isBackward: boolean; statements: Statement[] }[] = []
  for (const statement of statements) {
    const [block, isBackward] = [blockOf(statement.module), backward.has(statement)]
    const last = runs.at(-1)
    if (last?.block === block && last.isBackward === isBackward) last.statements.push(statement)
    else runs.push({ block, isBackward, statements: [statement] })
  }
  return runs.map(({ block, isBackward, statements: own }) => {
    const isFunction = block !== '' && own.length >= shortest
    const name = isFunction ? names.unused(identifier(block) + (isBackward ? '_gradients' : '')) : undefined
    return { name, block, statements: own }
  })
}

function blocksIn(statements: readonly Statement[]): (module: string) => string {
  const modules = [...new Set(statements.map(({ module }) => module))]
  const blocks = new Map(
    modules.map((module) => {
      const isBlock = modules.some((other) => other.startsWith(`${module}.`))
      const around = modules.filter((other) => other !== '' && module.startsWith(`${other}.`))
      const nearest = around.toSorted((a, b) => b.length - a.length).at(0)
      return [module, isBlock ? module : (nearest ?? module)]
    }),
  )
  return (module) => blocks.get(module) ?? module
}

/** The statements of a training that only gradients depend on. */
function gradientsIn(program: Program): ReadonlySet<Statement> {
  const results = program.outputs.filter(({ name }) => !name.startsWith(gradientName('')))
  const needed = new Set(results.map(({ variable }) => variable))
  if (needed.size === program.outputs.length) return new Set()
  const backward = new Set<Statement>()
  for (const statement of runStatements(program).toReversed()) {
    if (needed.has(statement.result)) for (const name of readsIn(statement)) needed.add(name)
    else backward.add(statement)
  }
  return backward
}
