/** The folder of an export: what was asked for, and which shards are whole, in `export.json`. */
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { exportDamaged, exportDiffers, exportFolderNotEmpty } from '../../compiler/diagnostics/export.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { makeFolder } from '../../files/folder.js'
import { isSystemError } from '../../files/problem.js'
import { removePartials, writeWhole } from '../../files/whole.js'
import type { Skipped } from '../data/loader.js'
import { asObject, parseObject } from '../json.js'
import { writing } from '../run/failure.js'
import { Lock, lockPath } from '../run/lock.js'
import { wholeFile } from '../weights/failure.js'

/** All that decides about the bytes of an export, by names that a user understands. */
export type ExportSettings = Readonly<Record<string, string | number | readonly (string | number)[] | null>>

/** A shard that is whole. */
export interface Shard {
  readonly examples: number
  readonly bytes: number
  /** Of its longest text; 0 without any. */
  readonly tokens: number
  readonly skipped: readonly Skipped[]
}

/** Where examples are written that training does not see. */
export const heldOutFolder = 'held_out'

/** An export that this process works on. What the disk refuses is thrown as a RunFailure, and leaves whole what was whole. */
export class ExportFolder {
  private constructor(
    readonly path: string,
    private readonly settings: ExportSettings,
    private readonly shards: Map<string, Shard>,
    private readonly lock: Lock,
  ) {}

  /** Begins an export in a new or empty folder, or takes it up. Undefined where that is not possible, which is reported. */
  static async open(path: string, settings: ExportSettings, report: Report): Promise<ExportFolder | undefined> {
    return writing(path, async () => {
      await makeFolder(path)
      const lock = await Lock.take(path, report)
      if (lock === undefined) return undefined
      let folder: ExportFolder | undefined
      try {
        const shards = await shardsIn(path, settings, report)
        if (shards === undefined) return undefined
        for (const own of [path, join(path, heldOutFolder)]) if (await isThere(own)) await removePartials(own)
        folder = new ExportFolder(path, settings, shards, lock)
        await folder.#save()
        return folder
      } finally {
        if (folder === undefined) await lock.release()
      }
    })
  }

  /** A shard that an earlier call has written, if it is still as it was. */
  async written(file: string): Promise<Shard | undefined> {
    const shard = this.shards.get(file)
    if (shard === undefined || shard.examples === 0) return shard
    return (await isThere(join(this.path, file), shard.bytes)) ? shard : undefined
  }

  /** Notes a shard that has just been written; one without examples is removed. */
  async add(file: string, shard: Shard): Promise<void> {
    await writing(this.path, async () => {
      if (shard.examples === 0) await rm(join(this.path, file))
      this.shards.set(file, shard)
      await this.#save()
    })
  }

  /** Throws a RunFailure if somebody else has taken the folder. */
  async check(): Promise<void> {
    await this.lock.check()
  }

  /** Lets others work on the export. */
  async close(): Promise<void> {
    await this.lock.release()
  }

  async #save(): Promise<void> {
    const { settings, shards } = this
    const content = { format: 1, settings, shards: Object.fromEntries(shards) }
    await writeWhole(join(this.path, settingsFile), `${JSON.stringify(content, undefined, 1)}\n`)
  }
}

const settingsFile = 'export.json'

/** The shards that were written with the same settings; undefined where there are other things, which is reported. */
async function shardsIn(
  path: string,
  settings: ExportSettings,
  report: Report,
): Promise<Map<string, Shard> | undefined> {
  const text = await readFile(join(path, settingsFile), 'utf8').catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT')) return undefined
    throw error
  })
  if (text === undefined) {
    // Of writers that were killed, and this process's own.
    const leftovers = [lockPath(path), join(path, settingsFile)]
    const names = await readdir(path)
    const other = names.find((name) => !leftovers.some((own) => `${join(path, name)}.`.startsWith(`${own}.`)))
    if (other === undefined) return new Map()
    report(exportFolderNotEmpty({ name: other }), wholeFile(path))
    return undefined
  }
  const { format, settings: before, shards } = parseObject(text) ?? {}
  const [given, listed] = [asObject(before), asObject(shards)]
  if (format !== 1 || given === undefined || listed === undefined || !Object.values(listed).every(isShard)) {
    report(exportDamaged(), wholeFile(join(path, settingsFile)))
    return undefined
  }
  const changes = [...new Set([...Object.keys(given), ...Object.keys(settings)])]
    .map((name) => ({
      name,
      before: shown(given[name]),
      now: shown(settings[name]),
      same: same(given[name], settings[name]),
    }))
    .filter((change) => !change.same)
  if (changes.length > 0) {
    report(exportDiffers({ changes }), wholeFile(path))
    return undefined
  }
  return new Map(Object.entries(listed as Readonly<Record<string, Shard>>))
}

function isShard(value: unknown): value is Shard {
  const shard = asObject(value)
  const counts = [shard?.examples, shard?.bytes, shard?.tokens]
  const skipped = shard?.skipped
  return (
    counts.every((count) => typeof count === 'number') &&
    Array.isArray(skipped) &&
    skipped.every((one) => typeof asObject(one)?.name === 'string' && typeof asObject(one)?.problem === 'string')
  )
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

const longestShown = 60

/** A setting for a user to read; long ones are cut. */
function shown(value: unknown): string {
  if (value === undefined || value === null) return 'none'
  const text = (Array.isArray(value) ? value : [value]).join(', ')
  return text.length > longestShown ? `${text.slice(0, longestShown)}...` : text === '' ? 'none' : text
}

/** Whether there is something at a path, of that many bytes where they are given. */
async function isThere(path: string, bytes?: number): Promise<boolean> {
  return stat(path).then(
    ({ size }) => bytes === undefined || size === bytes,
    (error: unknown) => {
      if (isSystemError(error, 'ENOENT')) return false
      throw error
    },
  )
}
