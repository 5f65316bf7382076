/** The paper's variants and the released checkpoints: parameters as recorded, and the network that was recorded. */
import { describe, expect, it } from 'vitest'
import { disk } from '../../cli/sources.js'
import { checkProgram } from '../../compiler/check/check.js'
import { load, type SourceHost } from '../../compiler/check/load.js'
import type { Model } from '../../compiler/check/model.js'
import { importReference } from '../../compiler/import/import.js'
import { elementCount } from '../../compiler/ir/tensor.js'
import { printGraph } from '../../compiler/ir/print.js'
import { graphOf, modelOf, noReport } from '../shipped.js'
import { parametersOf, readCaseFile, variants } from './cases.js'

/** The model that a recorded configuration describes. */
function imported(name: string): Model {
  const text = importReference(name, JSON.stringify(readCaseFile(`full/${name}`)), { name: 'imported' }, noReport)
  const host: SourceHost = { ...disk, read: (path) => (path === 'imported.mdm' ? text : disk.read(path)) }
  const program = load('imported.mdm', host, noReport)
  const model = program && checkProgram(program, noReport).at(-1)
  if (model === undefined) throw new Error(`${name} cannot be imported`)
  return model
}

/** The network as text, without the names that a file is free to choose. */
function printed(model: Model): string {
  const names = [...partNames(model)]
  return names.reduce(
    (text, name) => text.replaceAll(new RegExp(`\\b${name}\\b`, 'g'), 'part'),
    printGraph(graphOf(model)),
  )
}

function* partNames(model: Model): Generator<string> {
  yield model.name
  if (model.inner) yield* partNames(model.inner.model)
}

it('are ten', () => {
  expect(variants.length).toBe(10)
})

describe.each(variants)('%s', (name) => {
  const file = readCaseFile(`full/${name}`)
  const model = modelOf(`models/${name}.mdm`)

  it('has the recorded parameters in the recorded order', () => {
    const parameters = graphOf(model).parameters
    expect(parameters.map(({ name: path, shape }) => ({ name: path, shape }))).toEqual(parametersOf(file))
    expect(parameters.reduce((count, { shape }) => count + elementCount(shape), 0)).toBe(file.parameter_count)
  })

  it('computes what the recorded configuration does', () => {
    expect(printed(model)).toBe(printed(imported(name)))
  })
})
