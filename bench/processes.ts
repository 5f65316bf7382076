/** Whole processes measured: seconds from start to end, and the most memory they held. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Measured {
  readonly seconds: number
  /** Bytes. */
  readonly memory: number
}

/** Runs a command under GNU time, to its end; a failure is thrown with what the command said. */
export async function measure(command: string, ...options: readonly string[]): Promise<Measured> {
  const child = spawn('/usr/bin/time', ['-f', '%e %M', command, ...options], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (text: Buffer) => (said += text.toString()))
  const began = performance.now()
  const [code] = (await once(child, 'close')) as [number]
  const seconds = (performance.now() - began) / 1000
  if (code !== 0) throw new Error(`${command} ${options.join(' ')}\n${said}`)
  return { seconds, memory: Number(said.trim().split(/\s+/).at(-1)) * 1024 }
}

/** The middle one of several numbers. */
export function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}
