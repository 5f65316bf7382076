/** Runs the command line as a user does: the built program in a process of its own. */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect } from 'vitest'

const program = resolve('dist/mdmc.js')

export interface Ended {
  readonly code: number
  /** Standard output: results. */
  readonly out: string
  /** Standard error: diagnostics and remarks. */
  readonly err: string
}

export interface Circumstances {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs `mdmc ARGUMENTS...`. Whatever happens, a user must not see a stack trace. */
export async function mdmc(given: readonly string[], { cwd, env = {} }: Circumstances = {}): Promise<Ended> {
  const options = { cwd, env: { ...process.env, ...env }, maxBuffer: 2 ** 27 }
  const ended = await new Promise<Ended>((done) => {
    const child = execFile(process.execPath, [program, ...given], options, (error, out, err) => {
      done({ code: error ? (child.exitCode ?? -1) : 0, out, err })
    })
  })
  expect(ended.err, `mdmc ${given.join(' ')}`).not.toMatch(/^ +at .+:\d+:\d+\)?$|node:internal|Unhandled/m)
  return ended
}

/** As mdmc, where nothing may go wrong. */
export async function succeed(given: readonly string[], circumstances: Circumstances = {}): Promise<Ended> {
  const ended = await mdmc(given, circumstances)
  expect(ended.code, `mdmc ${given.join(' ')}\n${ended.err}`).toBe(0)
  return ended
}

/** A folder that lasts as long as the test file. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'mdmc-cli-'))

  constructor() {
    afterAll(() => rmSync(this.path, { recursive: true, force: true, maxRetries: 3 }))
  }

  /** A path in the folder. */
  at(...names: readonly string[]): string {
    return join(this.path, ...names)
  }

  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.at(name), content)
    return this.at(name)
  }

  copy(from: string, name: string): string {
    cpSync(from, this.at(name))
    return this.at(name)
  }
}

/** What a command printed as JSON. */
export function json({ out }: Ended): unknown {
  return JSON.parse(out)
}
