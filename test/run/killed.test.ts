/** Runs that are killed at any time: there is always a whole checkpoint, and what is left reads as if nothing had been. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { latest, temporaryFolder } from './support.js'
import { train } from './training.js'

const folder = temporaryFolder()
/** More can be asked for: KILLS=500 npx vitest run test/run/killed */
const kills = Number(process.env.KILLS ?? 5)
const program = join(import.meta.dirname, 'training.ts')
/** Values of half a tensor: a checkpoint of some megabytes takes long enough to be hit. */
const size = 100_000
const enough = 100_000

/** Trains in another process until it is killed, some time after it has said something; gives the last step it saved. */
async function trainAndKill(path: string, awaited: string, after: number): Promise<number> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, path, String(enough), String(size)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const before = said
    said += text
    if (said.includes(awaited) && !before.includes(awaited)) setTimeout(() => child.kill('SIGKILL'), after)
  })
  await closed
  expect(child.signalCode).toBe('SIGKILL')
  return Math.max(0, ...Array.from(said.matchAll(/(?:saved|from) (\d+)\n/g), ([, step]) => Number(step)))
}

function withoutTimes(path: string): string {
  return readFileSync(join(path, 'metrics.jsonl'), 'utf8').replaceAll(/"time":[\d.]+,/g, '')
}

test('the last checkpoint that was reported as saved, or a later one, is whole after every kill', async () => {
  const path = folder.at('killed')
  let saved = 0
  for (let kill = 0; kill < kills; kill++) {
    // In turn from the first word on, and from the first checkpoint on, so that there is one however slow the machine is.
    const said = await trainAndKill(path, kill % 2 === 0 ? '\n' : 'saved', 3 + ((kill * 61) % 180))
    expect(said).toBeGreaterThanOrEqual(saved)
    const { step, text } = await latest(path)
    expect(text).toBe('')
    expect(step ?? 0).toBeGreaterThanOrEqual(said)
    saved = step ?? 0
  }
  expect(saved).toBeGreaterThan(0)

  const until = Math.ceil((saved + 1) / 3) * 3
  await train(path, until, size, () => undefined)
  const undisturbed = folder.at('undisturbed')
  await train(undisturbed, until, size, () => undefined)
  expect(withoutTimes(path)).toBe(withoutTimes(undisturbed))
  const names = (run: string) => readdirSync(run).filter((name) => !name.startsWith('events'))
  expect(names(path)).toEqual(names(undisturbed))
  expect(readdirSync(join(path, 'checkpoints'))).toEqual(readdirSync(join(undisturbed, 'checkpoints')))
}, 300_000)
