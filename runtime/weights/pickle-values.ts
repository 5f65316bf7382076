/** What a pickle describes, as inert data: nothing here is a class of the file, and no key becomes a property. */

export interface PickleTuple {
  readonly kind: 'tuple'
  readonly items: readonly PickleValue[]
}

export interface PickleList {
  readonly kind: 'list'
  readonly items: PickleValue[]
}

export interface PickleSet {
  readonly kind: 'set'
  readonly items: Set<PickleValue>
}

export interface PickleDictionary {
  readonly kind: 'dictionary'
  readonly entries: Map<PickleValue, PickleValue>
}

/** A name that the pickle looked up, such as `collections.OrderedDict`. */
export interface PickleGlobal {
  readonly kind: 'global'
  readonly name: string
}

/** Stands for an object of a class that is known to be harmless: what it was made with, never the object. */
export interface PickleRecord {
  readonly kind: 'record'
  readonly type: string
  readonly arguments: readonly PickleValue[]
  state: PickleValue | undefined
  /** Items appended to it and entries set in it, if its class extends a list or a dict. */
  readonly items: PickleValue[]
  readonly entries: Map<PickleValue, PickleValue>
}

/** A file of elements inside the archive. */
export interface PickleStorage {
  readonly kind: 'storage'
  /** A Dtype, or PyTorch's name of a type that mdmc does not read; undefined for an untyped storage, whose length is in bytes. */
  readonly dtype: string | undefined
  readonly key: string
  readonly length: number
}

/** A view of a storage; offset and strides in elements. */
export interface PickleTensor {
  readonly kind: 'tensor'
  readonly storage: PickleStorage
  /** As that of a storage. */
  readonly dtype: string
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

export type PickleObject =
  PickleTuple | PickleList | PickleSet | PickleDictionary | PickleGlobal | PickleRecord | PickleStorage | PickleTensor

export type PickleValue = null | boolean | number | bigint | string | Uint8Array | PickleObject

/** Whether `value` is an object of one kind. */
export function isKind<Kind extends PickleObject['kind']>(
  value: PickleValue | undefined,
  kind: Kind,
): value is Extract<PickleObject, { kind: Kind }> {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && value.kind === kind
}

export function tuple(items: readonly PickleValue[]): PickleTuple {
  return { kind: 'tuple', items }
}

export function dictionary(): PickleDictionary {
  return { kind: 'dictionary', entries: new Map() }
}

export function record(type: string, made: readonly PickleValue[]): PickleRecord {
  return { kind: 'record', type, arguments: made, state: undefined, items: [], entries: new Map() }
}
