/** Disks without room: it is told in words, and what was whole stays whole. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { environmentProblem } from '../../cli/environment.js'
import { AppendedFile } from '../../runtime/run/append.js'
import { latest, newRun, openRun, pngOf, temporaryFolder } from './support.js'
import { checkpointOf } from './training.js'

const folder = temporaryFolder()
const disk = smallDisk()

/** A disk of one MiB; undefined where this system does not let us have one. */
function smallDisk(): string | undefined {
  const path = folder.at('disk')
  mkdirSync(path)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', path], { stdio: 'pipe' })
  } catch (error) {
    console.warn(`no test of a full disk: a small one cannot be mounted (${String(error).split('\n')[0] ?? ''})`)
    return undefined
  }
  // Before the folder around it is removed.
  afterAll(() => void execFileSync('umount', [path]))
  return path
}

/** Takes all room that there is. */
function fill(): void {
  const filler = new AppendedFile(join(disk ?? '', 'filler'))
  for (const size of [4096, 1])
    expect(() => {
      for (;;) filler.append(Buffer.alloc(size))
    }).toThrow('the disk is full')
  filler.close()
}

/** What a user reads of what `action` throws. */
async function complaint(action: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await action()
  } catch (error) {
    return environmentProblem(error)?.replaceAll(String(disk), 'DISK')
  }
  return 'nothing was thrown'
}

test.runIf(disk !== undefined)('a checkpoint without room leaves those before it, and nothing of itself', async () => {
  const path = join(disk ?? '', 'run')
  const run = await newRun(path)
  // 240 kB each.
  for (const step of [10, 20]) await run.checkpoint(checkpointOf(step, false, 5000), 2)
  const filler = join(disk ?? '', 'filler')
  writeFileSync(filler, Buffer.alloc(450_000))
  expect(await complaint(() => run.checkpoint(checkpointOf(30, false, 5000), 2))).toMatchInlineSnapshot(`
    "the checkpoint of step 30 in DISK/run/checkpoints cannot be written: the disk is full
    what was written before is whole: see to that, then resume the run"
  `)
  expect(readdirSync(join(path, 'checkpoints')).sort()).toEqual(['step-00000010', 'step-00000020'])
  expect(await latest(path)).toEqual({ step: 20, text: '' })
  // The same where it was to take the place of another.
  expect(await complaint(() => run.checkpoint(checkpointOf(20, false, 5000), 2))).toMatch(/^the checkpoint of step 20 /)
  expect(await latest(path)).toEqual({ step: 20, text: '' })

  rmSync(filler)
  await run.checkpoint(checkpointOf(30, false, 5000), 2)
  expect(await latest(path)).toEqual({ step: 30, text: '' })
  await run.close()
  rmSync(path, { recursive: true })
})

test.runIf(disk !== undefined)('metrics, samples and reports without room', async () => {
  const path = join(disk ?? '', 'run')
  const run = await newRun(path)
  run.append({ step: 1, loss: 0.5 })
  fill()

  let told: unknown
  try {
    for (let step = 2; ; step++) run.append({ step, loss: 0.5 })
  } catch (error) {
    told = error
  }
  expect(environmentProblem(told)).toMatch(/(metrics.jsonl|events.*) cannot be written: the disk is full/)
  // No line is torn.
  const lines = readFileSync(join(path, 'metrics.jsonl'), 'utf8').split('\n')
  expect(lines.at(-1)).toBe('')
  expect(() => lines.slice(0, -1).map((line): unknown => JSON.parse(line))).not.toThrow()

  const png = await pngOf(1, 100, 100)
  expect(await complaint(() => run.samples({ step: 1, png, captions: [] }))).toMatch(
    /samples cannot be written: the disk/,
  )
  expect(await complaint(() => run.writeReport(() => undefined))).toMatch(/report.html cannot be written: the disk/)
  expect(await complaint(() => run.writeWeights(checkpointOf(1).tensors.model))).toMatch(/model.safetensors cannot be/)
  expect(readdirSync(path).filter((name) => name.includes('partial') || name.includes('report'))).toEqual([])
  await run.close()

  // Not even the lock has room, once what it had before is taken.
  fill()
  expect(await complaint(() => openRun(path))).toMatch(/run cannot be written: the disk is full/)
  expect(existsSync(join(path, 'lock'))).toBe(false)
})
