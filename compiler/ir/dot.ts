/** A graph as a picture in the DOT language: a box per level (or smaller), nested parts inside of each other. */
import type { GraphCost } from './cost.js'
import { showShape } from './dimension.js'
import type { Graph, Module, Node } from './graph.js'

/** Modules that together make the embedding of time and condition; one box stands for them. */
const embedding = ['embedding', 'temb_layer1', 'temb_layer2', 'cond_emb', 'cond_layers', 'lm_proj', 'lm_head']

interface Box {
  readonly id: string
  /** How many parts the box lies in. */
  readonly nesting: number
  readonly modules: Set<string>
  /** The last of its nodes: its result. */
  last: Node
}

/** `depth` is how many names of a module's path, behind the nested parts, a box stands for: 2 are levels. */
export function graphToDot(graph: Graph, cost: GraphCost, depth: number): string {
  const boxes = new Map<string, Box>()
  const edges = new Map<string, string>()
  for (const node of graph.nodes) {
    if (node.op === 'parameter' || node.op === 'constant') continue
    const { id, nesting, module } = placeOf(node, depth)
    const box = boxes.get(id) ?? { id, nesting, modules: new Set(), last: node }
    box.last = node
    box.modules.add(module)
    boxes.set(id, box)
    for (const value of Object.values(node.inputs)) {
      if (value.op === 'parameter' || value.op === 'constant') continue
      const from = placeOf(value, depth).id
      if (from !== id)
        edges.set(`${quote(from)} -> ${quote(id)}`, isCondition(from) ? ' [style=dotted, constraint=false]' : '')
    }
  }
  const outputs = graph.outputs.map(({ name, value }) => {
    const id = quote(`out ${name}`)
    edges.set(`${quote(placeOf(value, depth).id)} -> ${id}`, '')
    return `  ${id} [shape=ellipse, label=${quote(`${name}\n${showShape(value.type.shape)}`)}]`
  })
  const style =
    'rankdir=TB; node [shape=box, style=rounded, fontname="Helvetica", fontsize=10]; edge [color="#888888"]; fontname="Helvetica"'
  return [
    `digraph ${quote(graph.name)} {`,
    `  ${style}`,
    ...clusters([...boxes.values()], cost, 0),
    ...outputs,
    ...[...edges].map(([edge, look]) => `  ${edge}${look}`),
    '}',
  ].join('\n')
}

const condition = 'time, condition'

/** What reaches every level is drawn faintly, so that the way of the image stands out. */
function isCondition(box: string): boolean {
  return box.endsWith(condition) || box === 'in text_mask'
}

function placeOf(node: Node, depth: number): { id: string; nesting: number; module: string } {
  if (node.op === 'input')
    return { id: `in ${typeof node.attributes.name === 'string' ? node.attributes.name : ''}`, nesting: 0, module: '' }
  const names = pathOf(node.module)
  const found = names.findIndex((name) => name !== 'inner_unet')
  const nesting = found < 0 ? names.length : found
  const own = names.slice(nesting)
  const prefix = 'inner_unet.'.repeat(nesting)
  if (embedding.includes(own[0] ?? '')) return { id: prefix + condition, nesting, module: prefix + (own[0] ?? '') }
  const module = prefix + own.slice(0, depth).join('.')
  return { id: module === '' ? 'model' : module, nesting, module }
}

function pathOf(module: Module): string[] {
  return module.path === '' ? [] : module.path.split('.')
}

/** The boxes of one part, and in a frame those of the part nested in it. */
function clusters(boxes: readonly Box[], cost: GraphCost, nesting: number): string[] {
  const indent = '  '.repeat(nesting + 1)
  const own = boxes
    .filter((box) => box.nesting === nesting)
    .map((box) => `${indent}${quote(box.id)} [${look(box, cost)}]`)
  if (!boxes.some((box) => box.nesting > nesting)) return own
  const frame = `${indent}subgraph ${quote(`cluster_${nesting + 1}`)} { label="nested"; style="rounded,dashed"; color="#888888"`
  return [...own, frame, ...clusters(boxes, cost, nesting + 1), `${indent}}`]
}

function look({ id, last, modules, nesting }: Box, cost: GraphCost): string {
  const shape = showShape(last.type.shape)
  if (id.startsWith('in ')) return `shape=ellipse, label=${quote(`${id.slice(3)}\n${shape}`)}`
  const prices = [...modules].flatMap((module) => cost.modules.get(module) ?? [])
  const sum = (key: 'parameters' | 'flops') => prices.reduce((total, price) => total + price[key], 0)
  const words =
    id === 'model' ? [] : [`${inUnits(sum('parameters')).trimEnd()} parameters`, `${inUnits(sum('flops'))}FLOP`]
  return `label=${quote([id.slice('inner_unet.'.length * nesting), shape, ...words].join('\n'))}`
}

/** A number and its unit, ready for a word to follow: `1.5 M`, `363 G`, `12 `. */
export function inUnits(value: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P']
  const step = value < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3))
  const number = Number((value / 1000 ** step).toPrecision(3))
  return step === 0 ? `${number} ` : `${number} ${units[step] ?? ''}`
}

function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
}
