/** A graph as a picture in the DOT language: one box per level or block, arrows where values pass. */
import type { GraphCost } from './cost.js'
import type { Graph, Module, Node } from './graph.js'
import { showShape, type Shape } from './dimension.js'

/** `depth` is how many names of a module's path (behind the nested parts) a box stands for; 2 shows levels. */
export function graphToDot(graph: Graph, cost: GraphCost, depth: number): string {
  const boxes = new Map<string, { readonly title: string; shape: Shape }>()
  const edges = new Set<string>()
  const boxOf = (node: Node): string => (node.op === 'input' ? `in ${String(node.attributes['name'])}` : pathOf(node.module, depth))
  for (const node of graph.nodes) {
    if (node.op === 'parameter' || node.op === 'constant') continue
    const box = boxOf(node)
    const known = boxes.get(box)
    if (known) known.shape = node.type.shape
    else boxes.set(box, { title: box, shape: node.type.shape })
    for (const value of Object.values(node.inputs)) {
      if (value.op === 'parameter' || value.op === 'constant') continue
      const from = boxOf(value)
      if (from !== box) edges.add(`${quote(from)} -> ${quote(box)}`)
    }
  }
  for (const { name, value } of graph.outputs) edges.add(`${quote(boxOf(value))} -> ${quote(`out ${name}`)}`)
  const lines = [...boxes].map(([id, { title, shape }]) => `  ${quote(id)} [${attributes(id, title, shape, cost)}]`)
  const outputs = graph.outputs.map(({ name, value }) => `  ${quote(`out ${name}`)} [shape=ellipse, label=${quote(`${name}\n${showShape(value.type.shape)}`)}]`)
  return [`digraph ${quote(graph.name)} {`, '  rankdir=TB; node [shape=box, style=rounded, fontname="Helvetica", fontsize=10]; edge [color="#888888"];', ...lines, ...outputs, ...[...edges].map((edge) => `  ${edge}`), '}'].join('\n')
}

function pathOf(module: Module, depth: number): string {
  const names = module.path.split('.')
  const nested = names.findIndex((name) => name !== 'inner_unet')
  if (nested < 0) return module.path === '' ? 'model' : module.path
  return names.slice(0, nested + depth).join('.') || 'model'
}

function attributes(id: string, title: string, shape: Shape, cost: GraphCost): string {
  if (id.startsWith('in ')) return `shape=ellipse, label=${quote(`${id.slice(3)}\n${showShape(shape)}`)}`
  const price = cost.modules.get(id === 'model' ? '' : id)
  const words = id === 'model' || price === undefined ? [] : [`${inUnits(price.parameters)} parameters`, `${inUnits(price.flops)}FLOP`]
  return `label=${quote([title, showShape(shape), ...words].join('\n'))}`
}

/** `1.5 M`, `363 G`. */
export function inUnits(value: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P']
  const step = value < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3))
  return `${Number((value / 1000 ** step).toPrecision(3))} ${units[step] ?? ''}`.trimEnd() + (step === 0 ? ' ' : '')
}

function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
}
