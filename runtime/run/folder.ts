/** The folder of a training run: everything that it leaves on the disk (docs/runs.md). */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { runExists, runFolderNotEmpty } from '../../compiler/diagnostics/run.js'
import { makeFolder } from '../../files/folder.js'
import { removePartials, writeAside } from '../../files/whole.js'
import { wholeFile } from '../weights/failure.js'
import { AppendedFile } from './append.js'
import type { Checkpoint } from './checkpoint.js'
import {
  checkpointsPath,
  hasCheckpoints,
  latestCheckpoint,
  settleReplaced,
  saveCheckpoint,
  type SavedCheckpoint,
} from './checkpoints.js'
import { EventFile } from './events.js'
import { writing } from './failure.js'
import { Lock, lockPath } from './lock.js'
import { cutMetrics, metricsLine, metricsPath, noteLine, type MetricsRow } from './metrics.js'
import { makeReport, reportPath } from './report.js'
import { cutSamples, samplesPath, writeSamples, type SampleGrid } from './samples.js'
import { readSettings, settingsPath, writeSettings, type RunSettings, type StoredSettings } from './settings.js'
import { writeTensors, type NamedTensor } from './tensors.js'

/** A run that this process works on. What the disk refuses is thrown as a RunFailure, and leaves whole what was whole. */
export class RunFolder {
  readonly #events: EventFile
  #metrics: AppendedFile | undefined

  private constructor(
    readonly path: string,
    readonly settings: StoredSettings,
    private readonly lock: Lock,
  ) {
    this.#events = new EventFile(path)
  }

  /** Begins a run in a new or empty folder. Undefined where that is not possible, which is reported. */
  static async create(path: string, settings: RunSettings, report: Report): Promise<RunFolder | undefined> {
    return writing(path, async () => {
      await makeFolder(path)
      return locked(path, report, async (lock) => {
        const names = await readdir(path)
        const other = names.find((name) => !isLeftover(path, name))
        if (other !== undefined) {
          const taken = names.includes('run.json') ? runExists() : runFolderNotEmpty({ name: other })
          report(taken, wholeFile(path))
          return undefined
        }
        await tidy(path)
        return new RunFolder(path, await writeSettings(path, settings), lock)
      })
    })
  }

  /** Takes up a run. Undefined where there is none, or somebody else is at work on it, which is reported. */
  static async open(path: string, report: Report): Promise<RunFolder | undefined> {
    const settings = await readSettings(path, report)
    if (settings === undefined) return undefined
    return writing(path, () =>
      locked(path, report, async (lock) => {
        await tidy(path)
        return new RunFolder(path, settings, lock)
      }),
    )
  }

  /**
   * The newest checkpoint that is whole, to go on from. Metrics and samples after it are removed: they will be made
   * again. Undefined before the first checkpoint: the run begins anew; also where all checkpoints are damaged, which is
   * reported as an error, and nothing is removed.
   */
  async resume(report: Report): Promise<SavedCheckpoint | undefined> {
    const saved = await latestCheckpoint(this.path, report)
    if (saved === undefined && (await hasCheckpoints(this.path))) return undefined
    const last = saved?.step ?? -1
    this.#metrics?.close()
    this.#metrics = undefined
    await writing(this.path, async () => {
      await cutMetrics(this.path, last, report)
      await cutSamples(this.path, last)
    })
    this.#events.restart(last + 1)
    return saved
  }

  /** Writes the numbers of a step to metrics.jsonl and for TensorBoard. */
  append(row: MetricsRow): void {
    const time = Date.now() / 1000
    const { step, ...values } = row
    this.#log(metricsLine(row, time))
    this.#events.scalars(step, time, Object.entries(values))
  }

  /** Writes a remark for who reads the report, in words. */
  note(step: number, text: string): void {
    this.#log(noteLine(step, text, Date.now() / 1000))
  }

  /** Writes a checkpoint, and keeps the last `keep` and the best. */
  async checkpoint(checkpoint: Checkpoint, keep: number): Promise<void> {
    await this.lock.check()
    this.#metrics?.sync()
    const folder = checkpointsPath(this.path)
    await writing(`the checkpoint of step ${checkpoint.step} in ${folder}`, () =>
      saveCheckpoint(this.path, checkpoint, keep),
    )
  }

  /** Writes a grid of pictures. */
  async samples(grid: SampleGrid): Promise<void> {
    await writing(samplesPath(this.path), () => writeSamples(this.path, grid))
    this.#events.image(grid.step, Date.now() / 1000, 'samples', grid.png)
  }

  /** Writes report.html as far as the run has come; gives its path. */
  async writeReport(report: Report): Promise<string | undefined> {
    return writing(reportPath(this.path), () => makeReport(this.path, report))
  }

  /** Writes the weights that training was for, for `mdmc sample --weights`; gives their path. */
  async writeWeights(
    tensors: readonly NamedTensor[],
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    await this.lock.check()
    const path = join(this.path, 'model.safetensors')
    await writing(path, () =>
      writeAside(path, async (partial) => {
        await writeTensors(partial, tensors, metadata)
      }),
    )
    return path
  }

  /** Lets others work on the run. */
  async close(): Promise<void> {
    this.#metrics?.close()
    this.#metrics = undefined
    this.#events.close()
    await this.lock.release()
  }

  #log(line: string): void {
    this.#metrics ??= new AppendedFile(metricsPath(this.path))
    this.#metrics.append(Buffer.from(line))
  }
}

/** Runs `action` with the lock of a folder, and gives it back where nothing comes of it. */
async function locked<T>(
  path: string,
  report: Report,
  action: (lock: Lock) => Promise<T | undefined>,
): Promise<T | undefined> {
  const lock = await Lock.take(path, report)
  if (lock === undefined) return undefined
  let done: T | undefined
  try {
    done = await action(lock)
    return done
  } finally {
    if (done === undefined) await lock.release()
  }
}

/** Makes the folders, and removes what killed writers left. */
async function tidy(path: string): Promise<void> {
  const folders = [path, checkpointsPath(path), samplesPath(path)]
  for (const folder of folders) {
    await makeFolder(folder)
    await removePartials(folder)
  }
  await settleReplaced(path)
}

/** Whether a run may have left this before it had settings. */
function isLeftover(path: string, name: string): boolean {
  if ([checkpointsPath(path), samplesPath(path), lockPath(path)].includes(join(path, name))) return true
  return [settingsPath(path), lockPath(path)].some((own) => join(path, name).startsWith(`${own}.`))
}
