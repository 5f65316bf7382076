/** Whole configuration files in the layout of the reference implementation, with all that concerns data and training. */
import { describe, expect, it } from 'vitest'
import { Folder, json, mdmc, succeed } from '../../cli/run.js'
import { readManifest } from '../../cli/session.js'
import { parametersOf, readCaseFile } from '../cases.js'

const folder = new Folder()

describe.each([
  ['text_64', 'released-64', ['x_64']],
  ['text_256', 'released-256', ['x_256', 'x_64']],
  ['text_1024', 'released-1024', ['x_1024', 'x_256', 'x_64']],
])('%s.yaml', (configuration, variant, images) => {
  const path = folder.at(`${configuration}.mdm`)

  it(`becomes ${variant}`, async () => {
    await succeed(['import', `test/fixtures/reference/${configuration}.yaml`, '-o', path])
    expect((await mdmc(['fmt', '--check', path])).out).toBe('')
    const inspected = json(await succeed(['inspect', path, '--json']))
    const recorded = readCaseFile(`full/${variant}`)
    expect(inspected).toMatchObject({ parameterCount: recorded.parameter_count, parameters: parametersOf(recorded) })
  })

  it('has one micro-condition for all parts, by default the image side', async () => {
    await succeed(['compile', path, '--no-weights', '-o', folder.at(configuration)])
    const inputs = readManifest(folder.at(configuration)).files[0]?.inputs ?? []
    expect(inputs.map(({ name }) => name)).toEqual([...images, 'times', 'text', 'text_mask', 'micro_scale'])
    expect(inputs.at(-1)?.default).toBe(Number(/\d+$/.exec(configuration)?.[0]))
  })
})

it('takes the width of the text from its model', async () => {
  const file = folder.write('unknown.yaml', 'text_model: someone/else\nunet_config: {resolution_channels: [32]}\n')
  const { code, err } = await mdmc(['import', file])
  expect(code).toBe(1)
  expect(err).toContain('someone/else')
  expect(err).toContain('google/flan-t5-xl')
})

it('takes a width that is given, whatever the text model', async () => {
  const file = folder.write(
    'given.yaml',
    'text_model: someone/else\nunet_config: {resolution_channels: [32], num_resnets_per_resolution: [1], attention_levels: [], conditioning_feature_dim: 96}\n',
  )
  expect((await succeed(['import', file])).out).toContain('condition text { width 96 }')
})
