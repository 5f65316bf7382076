/** What the blocks of a network computed, block by block: the facts from which readable code is written. */
import type { BlockAtWork, BlockObserver } from '../../compiler/build/blocks.js'
import type { BlockValue } from '../../compiler/build/values.js'
import type * as ast from '../../compiler/syntax/ast.js'

type Loop = ast.Statement & { kind: 'for' }

/** A value, and the turn of each open loop in which it came about, outermost first. */
interface Seen<T> {
  readonly turns: readonly number[]
  readonly value: T
}

/** One use of a block. */
export class BlockRun {
  readonly #values = new Map<ast.Expression, Seen<BlockValue>[]>()
  readonly #calls = new Map<ast.Expression, Seen<BlockRun>[]>()
  /** How many turns each loop made. */
  readonly turns = new Map<Loop, number>()
  result: BlockValue | undefined

  constructor(readonly at: BlockAtWork) {}

  note(e: ast.Expression, value: BlockValue, turns: readonly number[]): void {
    addTo(this.#values, e, { turns, value })
  }

  noteCall(e: ast.Expression, run: BlockRun, turns: readonly number[]): void {
    addTo(this.#calls, e, { turns, value: run })
  }

  /** What an expression came to, in the turns that `turns` begins with. */
  values(e: ast.Expression, turns: readonly number[] = []): BlockValue[] {
    return within(this.#values.get(e), turns)
  }

  /** The uses of other blocks that a call made. */
  calls(e: ast.Expression, turns: readonly number[] = []): BlockRun[] {
    return within(this.#calls.get(e), turns)
  }

  /** Every call of another block. */
  get allCalls(): ReadonlyMap<ast.Expression, readonly BlockRun[]> {
    return new Map([...this.#calls].map(([call, seen]) => [call, seen.map(({ value }) => value)]))
  }
}

function addTo<K, T>(map: Map<K, T[]>, key: K, item: T): void {
  const list = map.get(key)
  if (list) list.push(item)
  else map.set(key, [item])
}

function within<T>(seen: readonly Seen<T>[] | undefined, turns: readonly number[]): T[] {
  return (seen ?? []).filter((one) => turns.every((turn, i) => one.turns[i] === turn)).map(({ value }) => value)
}

/** Writes down what the blocks of a network do while it is built. */
export class Trace implements BlockObserver {
  /** The blocks that the model itself uses, by their place in the checkpoint. */
  readonly uses = new Map<string, BlockRun[]>()
  readonly #open: { readonly run: BlockRun; readonly turns: number[]; readonly loops: Loop[] }[] = []

  enter(block: BlockAtWork, call: ast.Expression | undefined): void {
    const run = new BlockRun(block)
    const around = this.#open.at(-1)
    if (around && call) around.run.noteCall(call, run, [...around.turns])
    else addTo(this.uses, block.path, run)
    this.#open.push({ run, turns: [], loops: [] })
  }

  evaluated(e: ast.Expression, value: BlockValue): void {
    const open = this.#open.at(-1)
    open?.run.note(e, value, [...open.turns])
  }

  turn(loop: Loop, index: number | 'end'): void {
    const open = this.#open.at(-1)
    if (open === undefined) return
    if (index === 'end') {
      if (open.loops.at(-1) !== loop) return
      open.loops.pop()
      open.turns.pop()
      return
    }
    if (open.loops.at(-1) !== loop) {
      open.loops.push(loop)
      open.turns.push(index)
    } else open.turns[open.turns.length - 1] = index
    open.run.turns.set(loop, (open.run.turns.get(loop) ?? 0) + 1)
  }

  leave(result: BlockValue): void {
    const closed = this.#open.pop()
    if (closed) closed.run.result = result
  }
}
