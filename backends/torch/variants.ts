/** Sorts the uses of blocks by the Python class or function that can serve them all. */
import type { BlockValue } from '../../compiler/build/values.js'
import { callsIn, layerNames } from '../../compiler/check/layer_names.js'
import { isSymbolic } from '../../compiler/ir/dimension.js'
import type * as ast from '../../compiler/syntax/ast.js'
import { isTurnIndependent } from './loops.js'
import type { BlockRun, Trace } from './trace.js'

/**
 * What a use of a block becomes: an nn.Module in a place of the network (`place`) or within another block (`module`),
 * a function, a method of the class that uses it, or part of the class of a level (`down`, `up`) or model (`network`).
 */
export type Role = 'place' | 'module' | 'function' | 'method' | 'down' | 'up' | 'network'

/** Uses of one block that one class or function serves. */
export interface Variant {
  readonly role: Role
  readonly runs: readonly BlockRun[]
}

/** Whether a parameter is a value of each run rather than one of the constructor. */
export function isDynamic(value: BlockValue): boolean {
  return value.kind === 'tensor' || value.kind === 'list' || (value.kind === 'size' && isSymbolic(value.size))
}

/** The variants of all blocks, those that others use first. */
export function variantsOf(trace: Trace): Variant[] {
  const roles = new Map<BlockRun, Role>()
  const inOrder: BlockRun[] = []
  const visit = (run: BlockRun, role: Role) => {
    for (const [call, inner] of run.allCalls) for (const one of inner) visit(one, roleOf(call, one))
    roles.set(run, role)
    inOrder.push(run)
  }
  for (const [path, runs] of trace.uses) for (const run of runs) visit(run, roleAt(path))

  const groups = new Map<string, BlockRun[]>()
  const blocks = new Map<ast.BlockSyntax, number>()
  for (const run of inOrder) {
    const { block } = run.at
    const number = blocks.get(block) ?? blocks.size
    blocks.set(block, number)
    const key = `${number} ${roles.get(run) ?? ''} ${kindOf(run)}`
    groups.set(key, [...(groups.get(key) ?? []), run])
  }
  const done = new Map<BlockRun, number>()
  const variants: Variant[] = []
  const place = (group: readonly BlockRun[]) => {
    for (const runs of sameCalls(group, done)) {
      for (const run of runs) done.set(run, variants.length)
      const [first] = runs
      if (first) variants.push({ role: roles.get(first) ?? 'place', runs })
    }
  }
  // A group is complete only behind the groups of all blocks that its runs use.
  const waiting = new Set(groups.values())
  while (waiting.size > 0) {
    for (const group of waiting) {
      const ready = group.every((run) => [...run.allCalls.values()].flat().every((inner) => done.has(inner)))
      if (!ready) continue
      place(group)
      waiting.delete(group)
    }
  }
  return variants
}

/** By the place in the checkpoint: `down_blocks.0` is where a level itself has its layers. */
function roleAt(path: string): Role {
  if (/^(inner_unet\.)*(inner_unet)?$/.test(path)) return 'network'
  const [, way] = /(?:^|\.)(down|up)_blocks\.\d+$/.exec(path) ?? []
  return way === 'down' || way === 'up' ? way : 'place'
}

function roleOf(call: ast.Expression, run: BlockRun): Role {
  if (call.kind === 'call' && call.label) return 'module'
  const { block, home } = run.at
  return layerNames(block, home).names.length > 0 || dropsOut(run) ? 'method' : 'function'
}

/** Whether it needs to know whether the network trains. */
function dropsOut(run: BlockRun): boolean {
  if (callsIn(run.at.block).some(({ callee }) => callee.text === 'dropout')) return true
  return [...run.allCalls.values()].some(([inner]) => inner !== undefined && dropsOut(inner))
}

/** What runs must have in common to share a class: kinds of parameters, and loops that are written out. */
function kindOf(run: BlockRun): string {
  const kinds = [...run.at.given].map(([name, value]) => `${name}:${shapeOf(value)}`)
  const turns = [...run.turns].map(([loop, count]) => (isTurnIndependent(loop, run) ? '' : String(count)))
  return [...kinds, ...turns].join()
}

function shapeOf(value: BlockValue): string {
  if (value.kind === 'tensor') return `tensor${value.tensor.type.shape.length}`
  if (value.kind === 'word') return value.word
  if (value.kind === 'list') return `[${value.items.map(shapeOf).join()}]`
  return isDynamic(value) ? 'dynamic' : value.kind
}

/** Parts of a group in which every call goes to one variant. */
function sameCalls(group: readonly BlockRun[], variantOf: ReadonlyMap<BlockRun, number>): BlockRun[][] {
  const keys = new Map<BlockRun, Map<ast.Expression, string>>()
  for (const run of group)
    keys.set(
      run,
      new Map(
        [...run.allCalls].map(([call, inner]) => [
          call,
          inner
            .map((one) => variantOf.get(one))
            .sort()
            .join(),
        ]),
      ),
    )
  const parts: { runs: BlockRun[]; calls: Map<ast.Expression, string> }[] = []
  for (const run of group) {
    const own = [...(keys.get(run) ?? [])].map(([call, key]): [ast.Expression, string] => [call, once(key)])
    const part = parts.find(({ calls }) => own.every(([call, key]) => (calls.get(call) ?? key) === key))
    if (part) {
      part.runs.push(run)
      for (const [call, key] of own) part.calls.set(call, key)
    } else parts.push({ runs: [run], calls: new Map(own) })
  }
  return parts.map(({ runs }) => runs)
}

/** A call in a loop goes to the same variant several times. */
function once(key: string): string {
  return [...new Set(key.split(','))].join()
}
