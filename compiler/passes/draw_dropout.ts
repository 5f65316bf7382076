/**
 * Dropout with its draws from outside: inputs `dropout.PATH`, uniform from 0 to 1, so that the same seed drops the same
 * elements on every engine. What is kept is divided by its share (Srivastava et al. 2014, section 10).
 */
import type { Graph, NamedValue } from '../ir/graph.js'
import type { Pass } from './pass.js'
import { rewrite } from './rewrite.js'

/** How the names of draws begin. */
export const dropoutPrefix = 'dropout.'

export const drawDropout: Pass = {
  name: 'draw-dropout',
  purpose: 'gives dropout its draws from outside',
  run: (graph: Graph) => {
    const draws: NamedValue[] = []
    const used = new Set(graph.inputs.map(({ name }) => name))
    const drawn = rewrite(graph, (node, b) => {
      const { x } = node.inputs
      const rate = Number(node.attributes.rate)
      if (node.op !== 'dropout' || x === undefined) return undefined
      if (rate === 0) return x
      const name = unusedName(dropoutPrefix + node.module.path, used)
      used.add(name)
      const draw = b.input({ name, dataType: 'float32', shape: x.type.shape })
      draws.push({ name, value: draw })
      // The draw is at least the rate where it is the larger of both.
      const stays = b.equal(b.maximum(draw, rate), draw)
      return b.mul(x, b.where(stays, 1 / (1 - rate), 0))
    })
    return { ...drawn, inputs: [...drawn.inputs, ...draws] }
  },
}

/** The name itself, or with the first number that makes it one of its own. */
function unusedName(name: string, used: ReadonlySet<string>): string {
  if (!used.has(name)) return name
  let index = 1
  while (used.has(`${name}.${index}`)) index++
  return `${name}.${index}`
}
