/** A graph as readable, stable text: what `inspect --ir` shows and what tests of passes compare. */
import { opOf } from '../ops/index.js'
import { showDimension, showShape, type Dimension, type Shape } from './dimension.js'
import {
  constantOf,
  isParameter,
  isTensor,
  parameterOf,
  type Attribute,
  type Graph,
  type Module,
  type Node,
  type Value,
} from './graph.js'
import { elementCount, showType, type Tensor } from './tensor.js'

/**
 * One line per node, under a heading for each block; a comment names the layer within the block. Parameters and
 * constants stand where they are read.
 */
export function printGraph(graph: Graph): string {
  const numbers = graph.parameters.reduce((count, { shape }) => count + elementCount(shape), 0)
  const lines = [`graph ${graph.name}`]
  for (const { name, value } of graph.inputs) lines.push(`  input ${name} = %${value.id} : ${showType(value.type)}`)
  lines.push(`  parameters: ${graph.parameters.length} (${numbers.toLocaleString('en')} numbers)`)

  const inner = modulesWithParts(graph)
  let heading: string | undefined
  let layer = ''
  for (const node of graph.nodes) {
    if (node.op === 'input' || node.op === 'parameter' || node.op === 'constant') continue
    const block = headOf(node.module, inner)
    const title = block.path === '' || block.kind === '' ? block.path || block.kind : `${block.path} (${block.kind})`
    if (title !== heading) lines.push('', title)
    const name = relative(node.module.path, block.path)
    const comment = name !== '' && (name !== layer || title !== heading) ? `  // ${name}` : ''
    heading = title
    layer = name
    lines.push(`  ${printNode(node)}${comment}`)
  }

  lines.push('')
  for (const { name, value } of graph.outputs)
    lines.push(`output ${name} = ${reference(value)} : ${showType(value.type)}`)
  return lines.join('\n') + '\n'
}

/** One node: `%12 = conv(%11, weight) {stride: 1, padding: 1} : float32[batch, 256, 32, 32]`. */
export function printNode(node: Node): string {
  const inputs: string[] = []
  let gap = false
  for (const declared of opOf(node.op).inputs) {
    const name = declared.replace('?', '')
    const value = node.inputs[name]
    if (value === undefined) gap = true
    else inputs.push(`${gap ? `${name}: ` : ''}${reference(value, node.module)}`)
  }
  const attributes = Object.entries(node.attributes)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${printAttribute(value)}`)
  const braces = attributes.length > 0 ? ` {${attributes.join(', ')}}` : ''
  return `%${node.id} = ${node.op}(${inputs.join(', ')})${braces} : ${showType(node.type)}`
}

function reference(value: Value, reader?: Module): string {
  const tensor = constantOf(value)
  if (tensor !== undefined) return printTensor(tensor)
  const parameter = parameterOf(value)
  if (parameter !== undefined) return relative(parameter.name, reader?.path ?? '')
  return `%${value.id}`
}

/** The block that a node is shown under: its module, or for a layer the block around it, if that is more than a list. */
function headOf(module: Module, inner: ReadonlySet<Module>): Module {
  const above = module.parent
  return inner.has(module) || above === undefined || above.kind === '' ? module : above
}

/** The modules that have others as parts: blocks and models, not layers. */
function modulesWithParts(graph: Graph): ReadonlySet<Module> {
  const found = new Set<Module>()
  for (const node of graph.nodes) {
    for (let above = node.module.parent; above !== undefined && !found.has(above); above = above.parent)
      found.add(above)
  }
  return found
}

function relative(path: string, above: string): string {
  if (path === above) return ''
  return above !== '' && path.startsWith(`${above}.`) ? path.slice(above.length + 1) : path
}

function isShape(value: Shape | Dimension): value is Shape {
  return Array.isArray(value)
}

function printAttribute(value: Attribute): string {
  if (isTensor(value)) return printTensor(value)
  if (isParameter(value)) return value.name
  if (typeof value !== 'object') return String(value)
  return isShape(value) ? showShape(value) : showDimension(value)
}

/** A single number as itself, a larger tensor by its shape and first numbers. */
function printTensor({ shape, data }: Tensor): string {
  if (shape.length === 0) return String(Number((data[0] ?? 0).toPrecision(8)))
  const first = Array.from(data.subarray(0, 3), (number) => Number(number.toPrecision(5)))
  return `constant${showShape(shape)}{${first.join(', ')}${data.length > 3 ? ', ...' : ''}}`
}
