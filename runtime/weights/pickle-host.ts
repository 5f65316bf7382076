/** What a PyTorch checkpoint's pickle gets for what it asks: descriptions of tensors, inert records, or a refusal. */
import { pickleForbidden } from '../../compiler/diagnostics/weights.js'
import { WeightFailure } from './failure.js'
import type { PickleHost, PickleMachine } from './pickle-machine.js'
import { elementType, fullName, isRecordClass, isSettingsClass, longestName, storageType } from './pickle-names.js'
import { numpyScalar } from './pickle-numpy.js'
import {
  dictionary,
  isKind,
  record,
  tuple,
  type PickleGlobal,
  type PickleTensor,
  type PickleValue,
} from './pickle-values.js'

type Call = (made: readonly PickleValue[], machine: PickleMachine) => PickleValue

const largestRank = 64

function sizes(value: PickleValue | undefined, machine: PickleMachine): readonly number[] {
  if (!isKind(value, 'tuple') && !isKind(value, 'list')) throw machine.damaged('a shape is not a tuple')
  if (value.items.length > largestRank) throw machine.damaged(`a tensor has ${value.items.length} dimensions`)
  return value.items.map((side) => whole(side, machine))
}

function whole(value: PickleValue | undefined, machine: PickleMachine): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw machine.damaged('a size is not a whole number')
}

function tensor(made: readonly PickleValue[], dtype: string | undefined, machine: PickleMachine): PickleTensor {
  const [storage, offset, shape, strides] = made
  if (!isKind(storage, 'storage')) throw machine.damaged('a tensor has no storage')
  const elements = dtype ?? storage.dtype
  if (elements === undefined) throw machine.damaged('a tensor has no element type')
  const view = { shape: sizes(shape, machine), strides: sizes(strides, machine) }
  if (view.shape.length !== view.strides.length) throw machine.damaged('a tensor has other strides than dimensions')
  return { kind: 'tensor', storage, dtype: elements, offset: whole(offset, machine), ...view }
}

/** A view of an untyped storage; its element type is the seventh argument. */
function typedTensor(made: readonly PickleValue[], machine: PickleMachine): PickleTensor {
  const dtype = isKind(made[6], 'global') ? elementType(made[6].name) : undefined
  if (dtype === undefined) throw machine.damaged('a tensor has no element type')
  return tensor(made, dtype, machine)
}

function parameter([data]: readonly PickleValue[], machine: PickleMachine): PickleValue {
  if (!isKind(data, 'tensor')) throw machine.damaged('a parameter has no tensor')
  return data
}

/** An empty dictionary, or one of a list of pairs. */
function orderedDictionary([pairs]: readonly PickleValue[], machine: PickleMachine): PickleValue {
  const result = dictionary()
  if (pairs === undefined) return result
  if (!isKind(pairs, 'list') && !isKind(pairs, 'tuple')) throw machine.damaged('a dictionary is made of no pairs')
  machine.copies(pairs.items.length)
  for (const pair of pairs.items) {
    const [key, value] = isKind(pair, 'tuple') || isKind(pair, 'list') ? pair.items : []
    if (key === undefined || value === undefined) throw machine.damaged('a dictionary is made of no pairs')
    result.entries.set(key, value)
  }
  return result
}

function setOf([items]: readonly PickleValue[], machine: PickleMachine): PickleValue {
  if (items === undefined) return { kind: 'set', items: new Set() }
  if (!isKind(items, 'list') && !isKind(items, 'tuple')) throw machine.damaged('a set is made of no list')
  machine.copies(items.items.length)
  return { kind: 'set', items: new Set(items.items) }
}

/** How protocol 2 writes bytes: as text, one character each. */
function encoded([text, encoding]: readonly PickleValue[], machine: PickleMachine): PickleValue {
  if (typeof text !== 'string' || encoding !== 'latin1') throw machine.damaged('bytes are not written as latin1')
  machine.copies(text.length)
  return new Uint8Array(Buffer.from(text, 'latin1'))
}

/** A member of an enumeration among the settings, by its name. */
function attribute([owner, name]: readonly PickleValue[]): PickleValue {
  const member = typeof name === 'string' && /^[A-Za-z]\w*$/.test(name) ? name : undefined
  if (!isKind(owner, 'global') || !isSettingsClass(owner.name) || member === undefined) {
    throw forbidden(`getattr(${isKind(owner, 'global') ? owner.name : '...'}, ${member ?? '...'})`)
  }
  return record(`${owner.name}.${member}`, [])
}

/** How protocols 0 and 1 make an object of a class. */
function reconstructed([type]: readonly PickleValue[]): PickleValue {
  if (!isKind(type, 'global') || !isRecordClass(type.name)) throw forbidden('copyreg._reconstructor')
  return record(type.name, [])
}

function size([shape]: readonly PickleValue[], machine: PickleMachine): PickleValue {
  return tuple(sizes(shape, machine))
}

const calls = new Map<string, Call>([
  ['collections.OrderedDict', orderedDictionary],
  ['torch._utils._rebuild_tensor', (made, machine) => tensor(made, undefined, machine)],
  ['torch._utils._rebuild_tensor_v2', (made, machine) => tensor(made, undefined, machine)],
  ['torch._utils._rebuild_tensor_v3', typedTensor],
  ['torch._utils._rebuild_parameter', parameter],
  ['torch._utils._rebuild_parameter_with_state', parameter],
  ['torch.Size', size],
  ['_codecs.encode', encoded],
  ['builtins.set', setOf],
  ['builtins.frozenset', setOf],
  ['builtins.getattr', attribute],
  ['copyreg._reconstructor', reconstructed],
  ['numpy.core.multiarray.scalar', numpyScalar],
  ['numpy._core.multiarray.scalar', numpyScalar],
])

function forbidden(name: string): WeightFailure {
  return new WeightFailure(pickleForbidden({ name }))
}

/** The whitelist at work. */
export const checkpointHost: PickleHost = {
  global(module, name): PickleGlobal {
    const full = fullName(module, name)
    if (full.length > longestName) throw forbidden(full)
    const known = calls.has(full) || isRecordClass(full) || elementType(full) !== undefined
    if (!known && storageType(full) === undefined) throw forbidden(full)
    return { kind: 'global', name: full }
  },

  call(target, made, machine) {
    if (!isKind(target, 'global')) throw machine.damaged('what is called is not a name')
    const known = calls.get(target.name)
    if (known) return known(made, machine)
    if (!isRecordClass(target.name)) throw forbidden(`${target.name}(...)`)
    return record(target.name, made)
  },

  persistent(id, machine) {
    const [kind, type, key, , length] = isKind(id, 'tuple') ? id.items : []
    const dtype = isKind(type, 'global') ? storageType(type.name) : undefined
    if (kind !== 'storage' || dtype === undefined || typeof key !== 'string') {
      throw machine.damaged('what lies outside is not a storage')
    }
    return { kind: 'storage', dtype: dtype ?? undefined, key, length: whole(length, machine) }
  },
}
