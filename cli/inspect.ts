/** `mdmc inspect`: what a model is made of and what it costs. */
import { writeFileSync } from 'node:fs'
import Table from 'cli-table3'
import { Option, type Command } from 'commander'
import { resolutionName } from '../compiler/build/nest.js'
import { schedulesOf } from '../compiler/build/schedule.js'
import { bindingsFor, summarise, type Summary } from '../compiler/build/summary.js'
import { partsOf, type Model } from '../compiler/check/model.js'
import { costOf } from '../compiler/ir/cost.js'
import { graphToDot, inUnits } from '../compiler/ir/dot.js'
import { showShape } from '../compiler/ir/dimension.js'
import type { Graph } from '../compiler/ir/graph.js'
import { elementCount } from '../compiler/ir/tensor.js'
import { printGraph } from '../compiler/ir/print.js'
import { inference, inferenceOnStored } from '../compiler/passes/index.js'
import { stages } from '../compiler/passes/pass.js'
import { buildGraph, readModel } from './model.js'
import { whole } from './options.js'
import { print, printJson } from './report.js'

interface InspectChoice {
  readonly model?: string
  readonly batch: number
  readonly tokens: number
  readonly parameters?: boolean
  readonly graph?: string
  readonly depth: number
  readonly ir?: boolean
  readonly after?: string
  readonly passes?: boolean
  readonly schedule?: string
  readonly json?: boolean
}

export function addInspect(program: Command): void {
  program
    .command('inspect')
    .description('show parameters, operations and memory per level; the graph as a picture or as text')
    .argument('<file>', 'an .mdm file')
    .option('--model <name>', 'which model of the file (default: the last)')
    .option('--batch <size>', 'images per run', whole(1, 1_000_000), 1)
    .option('--tokens <count>', 'tokens of text', whole(1, 1_000_000), 32)
    .option('--parameters', 'list every parameter')
    .option('--graph <file.svg>', 'write the graph as a picture')
    .option('--depth <levels>', 'how deep the picture goes: 2 shows levels, 4 shows blocks', whole(1, 16), 2)
    .option('--ir', 'print the graph')
    .addOption(
      new Option('--after <pass>', 'print the graph after this pass').choices(inference.passes.map(({ name }) => name)),
    )
    .option('--schedule <file.svg>', 'plot the noise schedule of each resolution')
    .option('--passes', 'list the passes with the nodes that each leaves')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  mdmc inspect models/S64S256.mdm\n  mdmc inspect models/S64.mdm --graph s64.svg --depth 4\n  mdmc inspect models/S64.mdm --ir --after simplify',
    )
    .action(inspect)
}

async function inspect(file: string, options: InspectChoice): Promise<void> {
  const model = readModel(file, options.model)
  const graph = buildGraph(model)
  if (options.ir || options.after !== undefined) {
    print(printGraph(after(graph, options.after)))
    return
  }
  if (options.passes) {
    showPasses(graph)
    return
  }
  if (options.schedule !== undefined) {
    await plotSchedule(model, options.schedule)
    return
  }
  const bindings = bindingsFor(model, options.batch, options.tokens)
  // The model's own arithmetic: what an engine saves by choosing other kernels is not the model's.
  const summary = summarise(model, inferenceOnStored.run(graph), bindings)
  if (options.graph !== undefined) {
    const { instance } = await import('@viz-js/viz')
    const dot = graphToDot(graph, costOf(graph, bindings), options.depth)
    writeFileSync(options.graph, (await instance()).renderString(dot, { format: 'svg' }))
    if (!options.json) print(options.graph)
  }
  if (options.json) {
    const parameters = graph.parameters.map(({ name, shape }) => ({ name, shape }))
    printJson({ model: model.name, batch: options.batch, tokens: options.tokens, ...summary, parameters })
    return
  }
  if (options.parameters) showParameters(graph)
  else if (options.graph === undefined) showSummary(model.name, graph, summary, options)
}

/** log-SNR = ln(gamma / (1 - gamma)) by step, for each resolution. */
async function plotSchedule(model: Model, file: string): Promise<void> {
  const { plotLines } = await import('../runtime/plots/svg.js')
  const parts = partsOf(model)
  const curves = schedulesOf(model).map((gammas, r) => {
    const steps = Array.from(gammas, (_, step) => step)
    return {
      name: parts[r] ? resolutionName(parts[r]) : '',
      x: steps,
      y: Array.from(gammas, (gamma) => Math.log(gamma / (1 - gamma))),
    }
  })
  writeFileSync(file, await plotLines(curves, { title: `${model.name}: noise schedule`, x: 'step', y: 'log-SNR' }))
  print(file)
}

function after(graph: Graph, name: string | undefined): Graph {
  if (name === undefined) return graph
  for (const stage of stages(inference, graph)) if (stage.pass.name === name) return stage.graph
  return graph
}

function showPasses(graph: Graph): void {
  const table = plainTable(['pass', 'nodes', ''], ['left', 'right', 'left'])
  table.push(['built', graph.nodes.length, 'as the model says'])
  for (const { pass, graph: result } of stages(inference, graph))
    table.push([pass.name, result.nodes.length, pass.purpose])
  print(table.toString())
}

function showSummary(
  name: string,
  graph: Graph,
  { rows, parameterCount, flops, peakBytes }: Summary,
  { batch, tokens }: InspectChoice,
): void {
  const text = graph.inputs.some((input) => input.name === 'text') ? `, ${tokens} tokens` : ''
  print(`${name}: ${parameterCount.toLocaleString('en')} parameters`)
  print(`one run of batch ${batch}${text}: ${inUnits(flops)}FLOP, ${mebibytes(peakBytes)} of activations at most\n`)
  const table = plainTable(
    ['model', 'part', 'parameters', 'FLOP', 'activations'],
    ['left', 'left', 'right', 'right', 'right'],
  )
  rows.forEach((row, i) => {
    table.push([
      row.part === rows[i - 1]?.part ? '' : row.part,
      row.name,
      row.parameters.toLocaleString('en'),
      inUnits(row.flops),
      mebibytes(row.peakBytes),
    ])
  })
  print(table.toString())
  for (const [title, ports] of [
    ['inputs', graph.inputs],
    ['outputs', graph.outputs],
  ] as const) {
    print(`\n${title}`)
    for (const { name: port, value } of ports)
      print(`  ${port.padEnd(12)} ${value.type.dataType} ${showShape(value.type.shape)}`)
  }
}

function showParameters(graph: Graph): void {
  const table = plainTable(['parameter', 'shape', 'numbers'], ['left', 'left', 'right'])
  for (const { name, shape } of graph.parameters)
    table.push([name, showShape(shape), elementCount(shape).toLocaleString('en')])
  print(table.toString())
}

function plainTable(head: string[], colAligns: ('left' | 'right')[]): Table.Table {
  const none = [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
  ]
  return new Table({
    head,
    colAligns,
    chars: { ...Object.fromEntries(none.map((name) => [name, ''])), middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
}

function mebibytes(bytes: number): string {
  return `${Number((bytes / 2 ** 20).toPrecision(3))} MiB`
}
