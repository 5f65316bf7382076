/** The recorded cases of the reference implementation. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { Tensor } from '../../compiler/ir/tensor.js'
import { opened } from '../weights/support.js'

const root = 'test/fixtures/conformance'

/** What tests read of case.json. */
export interface CaseFile {
  readonly sizes: readonly number[]
  readonly batches?: unknown
  readonly parameter_count: number
  readonly tolerance: number
  readonly reference_config: Readonly<Record<string, unknown>>
  readonly parameters: Readonly<Record<string, readonly number[]>>
  /** Digests by name; a case of a loss has them in its steps. */
  readonly gradients?: object
  readonly input_gradients?: object
  readonly steps?: readonly { readonly gradients?: object }[]
}

const casesIn = (folder: string) => readdirSync(folder).filter((name) => existsSync(`${folder}/${name}/case.json`))

const small = casesIn(root)
/** Small denoisers with recorded figures. */
export const denoisers = small.filter((name) => /^(unet|nested|video)/.test(name))
/** Losses, steps of sampling, and schedules. */
export const processes = small.filter((name) => !denoisers.includes(name))
/** The paper's variants and the released checkpoints. */
export const variants = casesIn(`${root}/full`)

export function folderOf(name: string): string {
  return `${root}/${name}`
}

export function readCaseFile(name: string): CaseFile {
  return JSON.parse(readFileSync(`${folderOf(name)}/case.json`, 'utf8')) as CaseFile
}

/** Name and shape of every recorded parameter, in order. */
export function parametersOf(file: CaseFile): { name: string; shape: readonly number[] }[] {
  return Object.entries(file.parameters).map(([name, shape]) => ({ name, shape }))
}

/** All recorded tensors. */
export async function figuresOf(name: string): Promise<ReadonlyMap<string, Tensor>> {
  const source = await opened(`${folderOf(name)}/tensors.safetensors`)
  const figures = new Map<string, Tensor>()
  for (const entry of source.entries)
    figures.set(entry.name, { shape: entry.shape, data: await source.read(entry.name) })
  await source.close()
  return figures
}
