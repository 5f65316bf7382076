/** run.json: what a run trains, and on what. Written once, read on resuming. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { runDamaged, runMissing } from '../../compiler/diagnostics/run.js'
import { systemProblem } from '../../files/problem.js'
import { writeWhole } from '../../files/whole.js'
import { wholeFile } from '../weights/failure.js'
import type { PlainValue } from '../weights/source.js'
import { asObject, isCount, isTexts, parseObject } from '../json.js'

/** The settings of a run. */
export interface RunSettings {
  /** Name of the model. */
  readonly model: string
  /** The text of each file of the spec, by its path; the first is the one that was named. */
  readonly sources: Readonly<Record<string, string>>
  /** What the spec means, as a hash. */
  readonly specHash: string
  readonly seed: number
  /** Steps that the whole run is to take. */
  readonly steps: number
  /** What computes, in words. */
  readonly device: string
  readonly data: {
    readonly name: string
    /** Tells whether the data is still the same. */
    readonly fingerprint: string
    readonly examples: number
  }
  /** Everything else that was asked for, by the names of the options. */
  readonly options: Readonly<Record<string, PlainValue>>
  /** Versions of mdmc and of what it stands on. */
  readonly versions: Readonly<Record<string, string>>
}

/** Settings as they stand in a folder. */
export interface StoredSettings extends RunSettings {
  /** When the run was begun, as an ISO date. */
  readonly started: string
}

const format = 'mdmc run 1'

export function settingsPath(folder: string): string {
  return join(folder, 'run.json')
}

export async function writeSettings(folder: string, settings: RunSettings): Promise<StoredSettings> {
  const stored = { started: new Date().toISOString(), ...settings }
  await writeWhole(settingsPath(folder), JSON.stringify({ format, ...stored }, undefined, 2) + '\n')
  return stored
}

/** The settings of the run in `folder`; undefined where there are none or they are damaged, which is reported. */
export async function readSettings(folder: string, report: Report): Promise<StoredSettings | undefined> {
  const text = await readFile(settingsPath(folder), 'utf8').catch((error: unknown) => {
    const problem = systemProblem(error)
    if (problem === undefined) throw error
    report(runMissing({ problem }), wholeFile(settingsPath(folder)))
    return undefined
  })
  if (text === undefined) return undefined
  const value = parseObject(text)
  const problem =
    value === undefined
      ? 'run.json is not valid JSON'
      : value.format !== format
        ? 'run.json was written by another version of mdmc'
        : undefined
  if (value !== undefined && problem === undefined && isSettings(value)) return value
  report(runDamaged({ problem: problem ?? 'run.json lacks what a run needs' }), wholeFile(settingsPath(folder)))
  return undefined
}

function isSettings(
  value: Readonly<Record<string, unknown>>,
): value is Readonly<Record<string, unknown>> & StoredSettings {
  const data = asObject(value.data)
  return (
    [value.started, value.model, value.specHash, value.device, data?.name, data?.fingerprint].every(
      (text) => typeof text === 'string',
    ) &&
    [value.seed, value.steps, data?.examples].every(isCount) &&
    isTexts(value.sources) &&
    isTexts(value.versions) &&
    asObject(value.options) !== undefined
  )
}
