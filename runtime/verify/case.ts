/** Recorded cases: what was computed, with which configuration, and the figures that came out. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { badCase } from '../../compiler/diagnostics/verify.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { openWeights } from '../weights/open.js'
import type { WeightSource } from '../weights/source.js'
import { asObject, parseObject } from '../json.js'
import { wholeFile } from '../weights/failure.js'

export interface RecordedCase {
  readonly path: string
  /** The file `case.json`. */
  readonly json: Readonly<Record<string, unknown>>
  /** What the case records. */
  readonly kind: 'denoiser' | 'loss' | 'training' | 'sampling' | 'schedules'
  /** Sides of the images, outermost first; of the grid of frames for a video. */
  readonly sizes: readonly number[]
  /** Rows per resolution where they differ. */
  readonly mixedBatch: boolean
  /** Whether digests of gradients are recorded. */
  readonly gradients: boolean
  /** Largest error relative to the largest expected value; undefined where the case states none. */
  readonly tolerance: number | undefined
  /** Name and shape of each parameter, in order. */
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[]
  /** Inputs and outputs; absent where only parameters are recorded. */
  readonly tensors: WeightSource | undefined
}

export async function readCase(path: string, report: Report): Promise<RecordedCase | undefined> {
  const file = join(path, 'case.json')
  const text = await readFile(file, 'utf8').catch(() => undefined)
  const json = text === undefined ? undefined : parseObject(text)
  if (text === undefined || json === undefined) {
    const problem = text === undefined ? 'case.json cannot be read' : 'case.json is not valid JSON'
    report(badCase({ problem }), wholeFile(file))
    return undefined
  }
  const figures = join(path, 'tensors.safetensors')
  const hasFigures = await stat(figures).then(
    () => true,
    () => false,
  )
  const tensors = hasFigures ? await openWeights(figures, report) : undefined
  if (hasFigures && tensors === undefined) return undefined
  const parameters = asObject(json.parameters)
  return {
    path,
    json,
    kind: kindOf(json),
    sizes: asNumbers(json.sizes),
    mixedBatch: 'batches' in json,
    gradients: 'gradients' in json,
    tolerance: typeof json.tolerance === 'number' ? json.tolerance : undefined,
    parameters: Object.entries(parameters ?? {}).map(([name, shape]) => ({ name, shape: asNumbers(shape) })),
    tensors,
  }
}

export function asNumbers(value: unknown): number[] {
  return Array.isArray(value) ? value.filter((item): item is number => typeof item === 'number') : []
}

function kindOf(json: Readonly<Record<string, unknown>>): RecordedCase['kind'] {
  if ('entries' in json) return 'schedules'
  if ('timesteps' in json) return 'sampling'
  if ('optimizer' in json) return 'training'
  return 'steps' in json ? 'loss' : 'denoiser'
}
