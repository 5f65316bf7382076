/** Common subexpressions: nodes that say the same become one, by numbering values. */
import { showDimension } from '../ir/dimension.js'
import { isParameter, isTensor, type Attribute, type Graph, type Node, type Value } from '../ir/graph.js'
import { dataTypeOf, type Tensor } from '../ir/tensor.js'
import { opOf } from '../ops/index.js'
import type { Pass } from './pass.js'
import { rewrite } from './rewrite.js'

export const share: Pass = {
  name: 'share',
  purpose: 'computes equal values once',
  run: shareEqual,
}

function shareEqual(graph: Graph): Graph {
  const seen = new Map<string, Value>()
  const tensors = new Constants()
  return rewrite(graph, (node) => {
    if (opOf(node.op).random === true) return undefined
    const key = keyOf(node, tensors)
    const found = seen.get(key)
    if (found === undefined) seen.set(key, node)
    return found
  })
}

/** Equal for two nodes exactly where op, inputs and attributes are equal. */
function keyOf(node: Node, tensors: Constants): string {
  let key: string = node.op
  for (const name in node.inputs) key += ` ${name}=${node.inputs[name]?.id ?? ''}`
  for (const name in node.attributes) key += ` ${name}:${attributeKey(node.attributes[name], tensors)}`
  return key
}

function attributeKey(value: Attribute, tensors: Constants): string {
  if (typeof value !== 'object') return String(value)
  if (isTensor(value)) return String(tensors.numberOf(value))
  if (isParameter(value)) return JSON.stringify(value.name)
  return 'symbols' in value ? showDimension(value) : value.map(showDimension).join()
}

/** Numbers for constants, the same for the same type, shape and bits. */
class Constants {
  readonly #byHash = new Map<string, { readonly tensor: Tensor; readonly number: number }[]>()
  #count = 0

  numberOf(tensor: Tensor): number {
    const hash = `${dataTypeOf(tensor.data)} ${tensor.shape.join()} ${hashOf(bytesOf(tensor))}`
    const alike = this.#byHash.get(hash) ?? []
    const found = alike.find((other) => equalBits(other.tensor, tensor))
    if (found !== undefined) return found.number
    this.#byHash.set(hash, [...alike, { tensor, number: this.#count }])
    return this.#count++
  }
}

function bytesOf({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** FNV-1a, 32 bits. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash
}

function equalBits(a: Tensor, b: Tensor): boolean {
  if (a.data === b.data) return true
  const other = bytesOf(b)
  return bytesOf(a).every((byte, i) => byte === other[i])
}
