/** Compiled folders: what their manifest says, and their files as sessions. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EngineOptions } from '../../backends/engine.js'
import { firstLine } from '../../backends/onnx/devices.js'
import { openModel } from '../../backends/onnx/engine.js'
import { EngineUnavailable } from '../../backends/unavailable.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { badManifest } from '../../compiler/diagnostics/sample.js'
import { systemProblem } from '../../files/problem.js'
import type { CompiledFiles } from './network.js'
import type { Subject } from './subject.js'

export interface CompiledFolder {
  readonly subject: Subject
  /** Opens the files; undefined where they are damaged, which is reported. Throws EngineUnavailable where the device is missing. */
  readonly open: (options: EngineOptions) => Promise<CompiledFiles | undefined>
}

interface ManifestFile {
  readonly role: string
  readonly path: string
  readonly inputs: readonly { readonly name: string; readonly default?: number }[]
}

/** What a manifest of this version holds; it is foreign data only in that its folder may be damaged. */
interface Manifest {
  readonly format: string
  readonly model: string
  readonly specHash: string
  readonly weights: string
  readonly files: readonly ManifestFile[]
  readonly resolutions: readonly { readonly side: number; readonly frames: number; readonly channels: number }[]
  readonly condition: Subject['condition'] | null
  readonly diffusion: Subject['process']['diffusion']
  readonly sampling: Subject['sampling']
}

/** Reads a folder that `mdmc compile` wrote. Undefined where it is none, which is reported. */
export async function readCompiled(folder: string, report: Report): Promise<CompiledFolder | undefined> {
  const refuse = (problem: string): undefined => {
    report(badManifest({ problem }), { file: join(folder, 'manifest.json'), start: 0, end: 0 })
  }
  const read = await readFile(join(folder, 'manifest.json'), 'utf8').catch((error: unknown) => {
    refuse(systemProblem(error) ?? 'it cannot be read')
    return undefined
  })
  if (read === undefined) return undefined
  const manifest = parsed(read)
  if (manifest?.format !== 'mdmc manifest 1') return refuse('it is not a manifest of this version')
  if (manifest.weights === 'none') return refuse('the folder was compiled without weights')
  const file = (role: string) => manifest.files.find((candidate) => candidate.role === role)
  const denoiser = file('denoiser')
  if (denoiser === undefined) return refuse('it names no denoiser')
  const micros = denoiser.inputs.flatMap(({ name, default: value }) =>
    name.startsWith('micro_') ? [[name.slice('micro_'.length), value ?? 0] as const] : [],
  )
  const subject: Subject = {
    name: manifest.model,
    specHash: manifest.specHash,
    process: {
      diffusion: manifest.diffusion,
      resolutions: manifest.resolutions.map(({ side, frames, channels }) => ({
        side,
        frames,
        imageChannels: channels,
      })),
    },
    condition: manifest.condition ?? undefined,
    sampling: manifest.sampling,
    micros: new Map(micros),
  }
  const condition = file('condition')
  return {
    subject,
    open: async (options) => {
      try {
        return {
          denoiser: await openModel(join(folder, denoiser.path), options),
          inputs: denoiser.inputs.map(({ name }) => name),
          condition: condition && (await openModel(join(folder, condition.path), options)),
        }
      } catch (error) {
        if (error instanceof EngineUnavailable) throw error
        return refuse(`its files cannot be loaded: ${firstLine(error)}`)
      }
    },
  }
}

function parsed(text: string): Manifest | undefined {
  try {
    const value = JSON.parse(text) as Partial<Manifest> | null
    return value !== null && isWhole(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Whether everything that sampling reads is there and of its kind. */
function isWhole(value: Partial<Manifest>): value is Manifest {
  const { files, resolutions, diffusion, sampling } = value
  const hasKind = (of: { readonly kind?: unknown } | undefined) => typeof of?.kind === 'string'
  const numbers = (...all: unknown[]) => all.every((number) => typeof number === 'number')
  return (
    Array.isArray(files) &&
    files.every(
      ({ role, path, inputs }: Partial<ManifestFile>) =>
        typeof role === 'string' && typeof path === 'string' && Array.isArray(inputs),
    ) &&
    Array.isArray(resolutions) &&
    resolutions.length > 0 &&
    resolutions.every((of: Partial<Manifest['resolutions'][number]>) => numbers(of.side, of.frames, of.channels)) &&
    hasKind(diffusion?.schedule) &&
    numbers(diffusion?.steps, diffusion?.power, diffusion?.shift, diffusion?.signalScale) &&
    hasKind(sampling?.threshold) &&
    numbers(sampling?.steps, sampling?.guidance, sampling?.eta)
  )
}
