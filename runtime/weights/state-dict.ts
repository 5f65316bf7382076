/** Finds the tensors of a model in what a checkpoint holds. */
import { pthSeveralStateDicts, pthWithoutTensors } from '../../compiler/diagnostics/weights.js'
import { WeightFailure } from './failure.js'
import { PlainConverter } from './pickle-plain.js'
import { isKind, type PickleDictionary, type PickleTensor, type PickleValue } from './pickle-values.js'
import type { PlainValue } from './source.js'

/** Keys under which training loops keep a model's weights, beside other tensors. */
const stateDictKeys = ['state_dict', 'model_state_dict']
/** Keys of the training's own tensors. */
const trainingKeys = /optim|scheduler|scaler|rng/i
/** Wrappers that put a prefix before every name: data parallel training, torch.compile. */
const wrapperPrefixes = ['module.', '_orig_mod.']

/** A checkpoint's tensors by name, and what stands beside them. */
export interface StateDict {
  readonly tensors: ReadonlyMap<string, PickleTensor>
  readonly metadata: ReadonlyMap<string, PlainValue>
}

/** Whether a dictionary holds tensors, itself or in dictionaries under it. Every dictionary is looked at once. */
function holdsTensors(dictionary: PickleDictionary, seen: Map<PickleDictionary, boolean>, depth = 0): boolean {
  const known = seen.get(dictionary)
  if (known !== undefined || depth > 32) return known ?? false
  seen.set(dictionary, false)
  let found = false
  for (const value of dictionary.entries.values()) {
    found = isKind(value, 'tensor') || (isKind(value, 'dictionary') && holdsTensors(value, seen, depth + 1))
    if (found) break
  }
  seen.set(dictionary, found)
  return found
}

/** The dictionaries with tensors in `dictionary`, by key. */
function groups(dictionary: PickleDictionary): [string, PickleDictionary][] {
  const seen = new Map<PickleDictionary, boolean>()
  const found: [string, PickleDictionary][] = []
  for (const [key, value] of dictionary.entries) {
    if (typeof key === 'string' && isKind(value, 'dictionary') && holdsTensors(value, seen)) found.push([key, value])
  }
  return found
}

/** The dictionary whose own values are the model's tensors, and the dictionaries around it. */
function find(root: PickleValue): { readonly weights: PickleDictionary; readonly around: readonly PickleDictionary[] } {
  const around: PickleDictionary[] = []
  let at = root
  while (isKind(at, 'dictionary') && around.length < 32) {
    const inside = groups(at)
    const named = stateDictKeys.map((key) => inside.find(([name]) => name === key)?.[1]).find((it) => it !== undefined)
    if (named === undefined && [...at.entries.values()].some((value) => isKind(value, 'tensor')))
      return { weights: at, around }
    const likely = inside.filter(([key]) => !trainingKeys.test(key))
    if (named === undefined && likely.length > 1) {
      throw new WeightFailure(pthSeveralStateDicts({ keys: likely.map(([key]) => key) }))
    }
    around.push(at)
    at = named ?? likely[0]?.[1] ?? null
  }
  throw new WeightFailure(pthWithoutTensors())
}

/** Names without a prefix that all of them have because the model was wrapped for training. */
function unwrapped(names: readonly string[]): readonly string[] {
  const [first = ''] = names
  let length = 0
  for (let layer = 0; layer < 4; layer++) {
    const prefix = wrapperPrefixes.find((it) => first.startsWith(it, length))
    if (prefix === undefined || !names.every((name) => name.startsWith(prefix, length))) break
    length += prefix.length
  }
  return length === 0 ? names : names.map((name) => name.slice(length))
}

/** The model's tensors in a checkpoint: at the top, under a usual key, or in the only part that has any. */
export function stateDictOf(root: PickleValue): StateDict {
  const { weights, around } = find(root)
  const found: [string, PickleTensor][] = []
  for (const [key, value] of weights.entries)
    if (typeof key === 'string' && isKind(value, 'tensor')) found.push([key, value])
  if (found.length === 0) throw new WeightFailure(pthWithoutTensors())
  const names = unwrapped(found.map(([name]) => name))
  const converter = new PlainConverter()
  const metadata = new Map<string, PlainValue>()
  const seen = new Map<PickleDictionary, boolean>()
  for (const dictionary of around) {
    for (const [key, value] of dictionary.entries) {
      if (typeof key !== 'string' || (isKind(value, 'dictionary') && holdsTensors(value, seen))) continue
      const plain = converter.convert(value)
      if (plain !== undefined) metadata.set(key, plain)
    }
  }
  return { tensors: new Map(found.map(([name, tensor], i) => [names[i] ?? name, tensor])), metadata }
}
