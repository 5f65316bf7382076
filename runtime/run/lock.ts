/**
 * One run at a time in a folder: a file names the process at work. It counts as long as that process lives, where that
 * can be told, and gives a sign of life (the time of the file) now and then, so that a killed run is no obstacle.
 */
import { randomUUID } from 'node:crypto'
import { readFile, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { runInUse } from '../../compiler/diagnostics/run.js'
import { isSystemError } from '../../files/problem.js'
import { writeOutput, writeWhole } from '../../files/whole.js'
import { wholeFile } from '../weights/failure.js'
import { RunFailure } from './failure.js'
import { parseObject } from '../json.js'

/** Seconds between signs of life. */
const beat = 20
/** Seconds without one after which nobody is at work any more, whatever process has the number now. */
export const patience = 120
/** Seconds that taking over a lock may take. */
const longestTurn = 10

/** What this process holds: its number alone may be that of a process before it, as in containers. */
const held = new Set<string>()

interface Found {
  readonly text: string
  /** Seconds since the last sign of life. */
  readonly age: number
}

/** The right to write into a folder. */
export class Lock {
  readonly #timer: NodeJS.Timeout

  private constructor(
    private readonly path: string,
    private readonly text: string,
  ) {
    this.#timer = setInterval(() => void this.#live(), beat * 1000).unref()
  }

  /** Takes the folder, unless somebody else is at work there, which is reported. */
  static async take(folder: string, report: Report): Promise<Lock | undefined> {
    const path = lockPath(folder)
    const text = JSON.stringify({ pid: process.pid, host: hostname(), token: randomUUID() })
    // Before the file can be read: others of this process would else take it for what a process before this one left.
    held.add(text)
    let taken = false
    try {
      taken = await occupied(path, text, report)
    } finally {
      if (!taken) held.delete(text)
    }
    return taken ? new Lock(path, text) : undefined
  }

  /** Throws a RunFailure if somebody else has taken the folder, as may happen after this process has long stood still. */
  async check(): Promise<void> {
    const found = await read(this.path)
    if (found?.text === this.text || (found === undefined && (await created(this.path, this.text)))) return
    throw new RunFailure(
      `another process has taken over this run: ${this.path}`,
      'see to it that only one works on it, and resume that',
    )
  }

  async release(): Promise<void> {
    clearInterval(this.#timer)
    if ((await read(this.path))?.text === this.text) await rm(this.path, { force: true })
    held.delete(this.text)
  }

  async #live(): Promise<void> {
    const now = new Date()
    // A disk that fails meanwhile is noticed by what matters more.
    await utimes(this.path, now, now).catch(() => undefined)
  }
}

export function lockPath(folder: string): string {
  return join(folder, 'lock')
}

/** Whether the lock now says `text`; if not, somebody is at work there, which is reported. */
async function occupied(path: string, text: string, report: Report): Promise<boolean> {
  for (let attempt = 0; attempt < 50; attempt++) {
    if (await created(path, text)) return true
    const found = await read(path)
    if (found !== undefined && atWork(found)) {
      const age = Math.max(0, Math.round(found.age))
      report(runInUse({ holder: holderOf(found), seconds: age, patience: patience - age }), wholeFile(path))
      return false
    }
    if (found !== undefined && (await takenOver(path, found, text))) return true
    await setTimeout(20)
  }
  throw new RunFailure(`${path} can be neither made nor read`, 'remove it')
}

/** Makes the file; false where there is one. */
async function created(path: string, text: string): Promise<boolean> {
  try {
    await writeOutput(path, text)
    return true
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return false
    await rm(path, { force: true }).catch(() => undefined)
    throw error
  }
}

async function read(path: string): Promise<Found | undefined> {
  try {
    const text = await readFile(path, 'utf8')
    return { text, age: (Date.now() - (await stat(path)).mtimeMs) / 1000 }
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined
    throw error
  }
}

function atWork({ text, age }: Found): boolean {
  if (held.has(text)) return true
  const { pid, host } = parseObject(text) ?? {}
  if (host === hostname() && typeof pid === 'number' && !isAlive(pid)) return false
  return age < patience
}

/** Whether a process of this machine lives; this one is asked for only by what a process before it has left. */
function isAlive(pid: number): boolean {
  if (pid === process.pid || !Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return isSystemError(error, 'EPERM')
  }
}

function holderOf({ text }: Found): string {
  const { pid, host } = parseObject(text) ?? {}
  return typeof pid === 'number' && typeof host === 'string' ? `process ${pid} on ${host}` : 'another process'
}

/** Puts `text` in the place of a lock that nobody holds; false where somebody else does so, or has done. */
async function takenOver(path: string, found: Found, text: string): Promise<boolean> {
  const turn = `${path}.taking`
  if (!(await created(turn, text))) {
    // Who was killed in these few lines is rare, and should not be in the way for ever.
    const other = await read(turn)
    if (other !== undefined && other.age > longestTurn) await rm(turn, { force: true })
    return false
  }
  try {
    const unchanged = (await read(path))?.text === found.text
    if (unchanged) await writeWhole(path, text)
    return unchanged
  } finally {
    await rm(turn, { force: true })
  }
}
