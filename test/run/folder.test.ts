/** Beginning a run and taking one up. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { environmentProblem } from '../../cli/environment.js'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { RunFolder } from '../../runtime/run/folder.js'
import { newRun, openRun, shown, temporaryFolder } from './support.js'
import { checkpointOf, settings } from './training.js'

const folder = temporaryFolder()

/** What a user reads where a run is begun, or taken up. */
async function refusal(how: 'create' | 'open', path: string): Promise<string> {
  const found = new DiagnosticList()
  const run = await (how === 'create'
    ? RunFolder.create(path, settings, found.report)
    : RunFolder.open(path, found.report))
  await run?.close()
  expect(run === undefined).toBe(found.hasErrors)
  expect(readdirSync(path, { recursive: true })).not.toContain('lock')
  return shown(found, path)
}

test('settings are written once and come back', async () => {
  const path = folder.at('a/b/settings')
  const run = await newRun(path)
  expect(run.settings).toMatchObject(settings)
  await run.close()
  const again = await openRun(path)
  expect(again.settings).toEqual({ format: 'mdmc run 1', ...run.settings })
  await again.close()
  expect(readdirSync(path).sort()).toEqual(['checkpoints', 'run.json', 'samples'])
})

test('a folder with a run, or with other files, is refused', async () => {
  const path = folder.at('taken')
  await (await newRun(path)).close()
  expect(await refusal('create', path)).toMatchInlineSnapshot(`
    "error MDM1001: this folder holds a run already
      RUN
      a new run would mix with it
      help: go on with that run by \`mdmc train --resume FOLDER\`, or name another folder with -o"
  `)
  const other = folder.at('other')
  mkdirSync(other)
  writeFileSync(join(other, 'model.safetensors'), 'mine')
  expect(await refusal('create', other)).toMatchInlineSnapshot(`
    "error MDM1002: this folder is not empty: it has \`model.safetensors\`
      RUN
      a run keeps its folder to itself, as it replaces and removes files there
      help: name a folder with -o that is empty or does not exist yet"
  `)
  expect(readdirSync(other)).toEqual(['model.safetensors'])
})

test('what a run leaves that was killed before it had settings is no obstacle', async () => {
  const path = folder.at('early')
  mkdirSync(join(path, 'checkpoints'), { recursive: true })
  writeFileSync(join(path, 'run.json.8c1d7c9e-30f9-4a9a-93b8-6cd9ff0b3a11.partial'), '{')
  await (await newRun(path)).close()
  expect(readdirSync(path).sort()).toEqual(['checkpoints', 'run.json', 'samples'])
})

test('a folder without a run', async () => {
  mkdirSync(folder.at('empty'))
  expect(await refusal('open', folder.at('empty'))).toMatchInlineSnapshot(`
    "error MDM1003: there is no run here: there is no such file or folder
      RUN/run.json
      help: give the folder of a run that \`mdmc train\` has begun; it has a file run.json"
  `)
})

test.each([
  ['no JSON', '{"format":'],
  ['another version', JSON.stringify({ format: 'mdmc run 2' })],
  ['something missing', JSON.stringify({ format: 'mdmc run 1', ...settings, started: '2026', data: undefined })],
  ['another kind', JSON.stringify({ format: 'mdmc run 1', ...settings, started: '2026', sources: { a: 1 } })],
])('damaged settings: %s', async (name, text) => {
  const path = folder.at(name)
  mkdirSync(path)
  writeFileSync(join(path, 'run.json'), text)
  expect(await refusal('open', path)).toMatchSnapshot()
  expect(readFileSync(join(path, 'run.json'), 'utf8')).toBe(text)
})

test('what killed writers left is removed', async () => {
  const path = folder.at('leftovers')
  const run = await newRun(path)
  await run.checkpoint(checkpointOf(1), 1)
  await run.close()
  const partial = '.8c1d7c9e-30f9-4a9a-93b8-6cd9ff0b3a11.partial'
  mkdirSync(join(path, 'checkpoints', `step-00000002${partial}`))
  writeFileSync(join(path, 'checkpoints', `step-00000002${partial}`, 'model.safetensors'), 'half')
  writeFileSync(join(path, 'samples', `step-00000002.png${partial}`), 'half')
  writeFileSync(join(path, `report.html${partial}`), 'half')
  writeFileSync(join(path, 'mine.partial'), 'not of mdmc')
  await (await openRun(path)).close()
  expect(readdirSync(path, { recursive: true }).filter((name) => String(name).includes('partial'))).toEqual([
    'mine.partial',
  ])
})

test('a place that cannot be is told in words', async () => {
  writeFileSync(folder.at('file'), '')
  for (const path of [folder.at('file/run'), '/proc/none/run', 'a\0b']) {
    const thrown = await newRun(path).catch((error: unknown) => error)
    expect(environmentProblem(thrown), path).toMatch(/cannot be written: [a-z ]+\n/)
  }
})
