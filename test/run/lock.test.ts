/** One run at a time in a folder. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { RunFolder } from '../../runtime/run/folder.js'
import { Lock, patience } from '../../runtime/run/lock.js'
import { noReport } from '../shipped.js'
import { newRun, openRun, shown, temporaryFolder } from './support.js'
import { checkpointOf, settings } from './training.js'

const folder = temporaryFolder()
/** A process that has ended. */
const { pid: dead } = spawnSync(process.execPath, ['--version'])

/** A folder with the lock of somebody, given so many seconds ago. */
function lockedBy(name: string, holder: unknown, age = 0): string {
  const path = folder.at(name)
  mkdirSync(path)
  writeFileSync(join(path, 'lock'), typeof holder === 'string' ? holder : JSON.stringify(holder))
  const then = Date.now() / 1000 - age
  utimesSync(join(path, 'lock'), then, then)
  return path
}

/** What a user reads who comes second. */
async function refusal(path: string): Promise<string> {
  const found = new DiagnosticList()
  const lock = await Lock.take(path, found.report)
  await lock?.release()
  expect(lock === undefined).toBe(found.hasErrors)
  return shown(found, path)
}

test('a second run is refused until the first is closed', async () => {
  const path = folder.at('two')
  const run = await newRun(path)
  const found = new DiagnosticList()
  expect(await RunFolder.open(path, found.report)).toBeUndefined()
  expect(await RunFolder.create(path, settings, found.report)).toBeUndefined()
  expect(found.all.map(({ code }) => code)).toEqual(['MDM1005'])
  await run.checkpoint(checkpointOf(1), 1)
  await run.close()
  expect(existsSync(join(path, 'lock'))).toBe(false)
  await (await openRun(path)).close()
})

test('a process that lives, here or elsewhere, is at work', async () => {
  const here = lockedBy('alive', { pid: process.ppid, host: hostname(), token: 'x' }, 15)
  expect((await refusal(here)).replace(String(process.ppid), 'PID').replace(hostname(), 'HOST')).toMatchInlineSnapshot(`
    "error MDM1005: process PID on HOST is at work on this run; its last sign of life is 15 s old
      RUN/lock
      two runs that write into one folder would damage each other
      help: wait until it ends, or stop it; if it does not run any more, try again in 2 minutes, or delete the file \`lock\`"
  `)
  expect(await refusal(lockedBy('elsewhere', { pid: dead, host: 'elsewhere', token: 'x' }, 90))).toContain(
    `process ${dead} on elsewhere is at work on this run; its last sign of life is 90 s old`,
  )
  expect(await refusal(lockedBy('unreadable', '{"pi'))).toContain('another process is at work')
  // Clocks may differ.
  expect(await refusal(lockedBy('ahead', { pid: 1, host: 'elsewhere' }, -30))).toContain('is 0 s old')
})

test('what a killed process left is no obstacle', async () => {
  const left: [string, unknown, number?][] = [
    ['dead', { pid: dead, host: hostname(), token: 'x' }],
    // In containers, a process often has the number of the one before.
    ['same number', { pid: process.pid, host: hostname(), token: 'x' }],
    ['no number', { pid: -1, host: hostname(), token: 'x' }],
    ['silent elsewhere', { pid: 1, host: 'elsewhere', token: 'x' }, patience + 1],
    ['silent, its number taken', { pid: process.ppid, host: hostname(), token: 'x' }, patience + 1],
    ['empty', '', patience + 1],
  ]
  for (const [name, holder, age] of left) expect(await refusal(lockedBy(name, holder, age)), name).toBe('')
})

test.each(Array.from({ length: 20 }, (_, i) => i))('of many that come at once, one is let in (%i)', async (i) => {
  const path = lockedBy(`many-${i}`, { pid: dead, host: hostname(), token: 'x' })
  const locks = await Promise.all(Array.from({ length: 20 }, () => Lock.take(path, () => undefined)))
  expect(locks.filter((lock) => lock !== undefined)).toHaveLength(1)
  for (const lock of locks) {
    await lock?.check()
    await lock?.release()
  }
  expect(readdirSync(path)).toEqual([])
})

test('who was killed while taking over a lock is no obstacle either', async () => {
  const path = lockedBy('killed twice', { pid: dead, host: hostname(), token: 'x' })
  writeFileSync(join(path, 'lock.taking'), '')
  const then = Date.now() / 1000 - 11
  utimesSync(join(path, 'lock.taking'), then, then)
  expect(await refusal(path)).toBe('')
})

test('who lost the folder writes no checkpoint and leaves the lock of the other', async () => {
  const path = folder.at('lost')
  const run = await newRun(path)
  writeFileSync(join(path, 'lock'), JSON.stringify({ pid: 1, host: 'elsewhere' }))
  await expect(run.checkpoint(checkpointOf(1), 1)).rejects.toThrow('another process has taken over this run')
  await run.close()
  expect(readFileSync(join(path, 'lock'), 'utf8')).toContain('elsewhere')
})

test('a lock that somebody deleted is made anew', async () => {
  const path = folder.at('deleted')
  const lock = await Lock.take(makeFolder(path), noReport)
  const text = readFileSync(join(path, 'lock'), 'utf8')
  writeFileSync(join(path, 'lock'), text)
  await lock?.check()
  await lock?.release()
  await lock?.check()
  expect(readFileSync(join(path, 'lock'), 'utf8')).toBe(text)
  await lock?.release()
})

test('a lock that can be neither made nor read ends in words', async () => {
  const path = makeFolder(folder.at('dangling'))
  symlinkSync('nowhere/at/all', join(path, 'lock'))
  await expect(Lock.take(path, noReport)).rejects.toThrow('lock can be neither made nor read\nremove it')
})

function makeFolder(path: string): string {
  mkdirSync(path)
  return path
}
