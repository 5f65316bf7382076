/** The engine `torch`: writes the package of a model, and has Python run it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EngineOptions, ParameterValues, Session } from '../../backends/engine.js'
import { torchPackage, type TorchPackage } from '../../backends/torch/package.js'
import { EngineUnavailable } from '../../backends/unavailable.js'
import { resolutionName } from '../../compiler/build/nest.js'
import type { TorchTraining } from '../../backends/torch/plan.js'
import { partsOf, type Model } from '../../compiler/check/model.js'
import { InternalError } from '../../compiler/diagnostics/internal.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import type { ModelEngine, Subject, Tables } from '../verify/subject.js'
import { asNumbers } from '../verify/case.js'
import { publishedTraining } from '../train/phases.js'
import { openWeights } from '../weights/open.js'
import { writeSafetensors } from '../weights/write-safetensors.js'
import { PythonProcess } from './process.js'
import { writePackage } from './write.js'

/** Files of the engine are its own: what goes wrong with them is no mistake of the user. */
const broken: Report = ({ message }) => {
  throw new InternalError(message)
}

export class TorchEngine implements ModelEngine {
  readonly name = 'torch'
  readonly devices = ['cpu', 'cuda']
  readonly auto = ['cuda', 'cpu']
  readonly takesThreads = true
  #process: Promise<PythonProcess> | undefined
  #folder: Promise<string> | undefined
  #opened = 0

  async works(device: string): Promise<boolean> {
    const { hasCuda } = await this.#python()
    return device === 'cpu' || hasCuda
  }

  async parametersOf(model: Model): Promise<readonly { name: string; shape: readonly number[] }[]> {
    const { id } = await this.#open(model, 'cpu')
    const { parameters } = await (await this.#python()).ask({ parameters: id })
    await (await this.#python()).ask({ close: id })
    const listed: readonly unknown[] = Array.isArray(parameters) ? parameters : []
    return listed.map((one) => {
      const [name, shape] = (Array.isArray(one) ? one : []) as readonly unknown[]
      return { name: String(name), shape: asNumbers(shape) }
    })
  }

  async tablesOf(model: Model, steps: number): Promise<Tables> {
    const { id } = await this.#open(model, 'cpu')
    const python = await this.#python()
    const { gammas, weights, timesteps } = await python.ask({ tables: id, steps })
    await python.ask({ close: id })
    return {
      gammas: Float32Array.from(asNumbers(gammas)),
      weights: Float32Array.from(asNumbers(weights)),
      timesteps: asNumbers(timesteps),
    }
  }

  async prepareModel(subject: Subject, weights: ParameterValues, options: EngineOptions): Promise<Session> {
    const { what, model } = subject
    const python = await this.#python()
    if (options.device === 'cuda' && !python.hasCuda)
      throw new EngineUnavailable(
        'this PyTorch sees no CUDA device',
        'use --device cpu, or install a PyTorch with CUDA',
      )
    if (options.threads !== undefined) await python.ask({ threads: options.threads })
    const { id, folder, written } = await this.#open(model, options.device, trainingOf(subject))
    const load = async () => {
      const path = join(folder, 'weights.safetensors')
      await writeParameters(path, written, weights)
      await python.ask({ id, weights: path })
      await rm(path)
    }
    const trains = options.trains ?? false
    // Parameters change between runs, unless the package itself changes them.
    let loaded = false
    return {
      run: async (inputs) => {
        if (!loaded) await load()
        loaded = !trains || what === 'training'
        const [from, to] = ['inputs', 'outputs'].map((name) => join(folder, `${name}.safetensors`)) as [string, string]
        await writeTensors(from, inputs)
        await python.ask({ run: id, what, inputs: from, outputs: to, trains })
        return readTensors(to)
      },
      dispose: async () => {
        await python.ask({ close: id })
        await rm(folder, { recursive: true, force: true })
      },
    }
  }

  async close(): Promise<void> {
    const [python, folder] = [await this.#process?.catch(() => undefined), await this.#folder]
    this.#process = undefined
    this.#folder = undefined
    await python?.end()
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  }

  #python(): Promise<PythonProcess> {
    this.#process ??= PythonProcess.start()
    return this.#process
  }

  /** Writes a model's package and has Python import it. */
  async #open(
    model: Model,
    device: string,
    training?: TorchTraining,
  ): Promise<{ id: string; folder: string; written: TorchPackage }> {
    const written = torchPackage(model, broken, { training })
    if (written === undefined) throw new InternalError('a package without a file')
    this.#folder ??= mkdtemp(join(tmpdir(), 'mdmc-torch-'))
    const folder = join(await this.#folder, String(++this.#opened))
    await writePackage(written, folder)
    const names = partsOf(model).map(resolutionName)
    const { name, className } = written
    const id = folder
    await (
      await this.#python()
    ).ask({
      open: id,
      package: { folder, package: name, model: className, resolutions: names, device, trains: written.trains },
    })
    return { id, folder, written }
  }
}

/** A phase of the whole model with the settings of a case, and the published ones where it has none. */
function trainingOf({ model, training }: Subject): TorchTraining | undefined {
  if (training === undefined) return undefined
  const { optimizer, average, steps } = training
  const phase = { model, steps, batch: undefined, rate: optimizer.rate, frozen: () => false, start: undefined }
  return { settings: { ...publishedTraining, optimizer, average }, phases: [phase] }
}

/** Parameters one after the other. */
async function writeParameters(path: string, { graph }: TorchPackage, weights: ParameterValues): Promise<void> {
  const entries = graph.parameters.map(({ name, shape }) => ({ name, dtype: 'F32' as const, shape }))
  await writeSafetensors(path, entries, ({ name }) => weights.read(name), broken)
}

async function writeTensors(path: string, tensors: Readonly<Record<string, Tensor>>): Promise<void> {
  const entries = Object.entries(tensors).map(([name, { shape }]) => ({ name, dtype: 'F32' as const, shape }))
  await writeSafetensors(path, entries, ({ name }) => Float32Array.from(tensors[name]?.data ?? []), broken)
}

async function readTensors(path: string): Promise<Record<string, Tensor>> {
  const source = await openWeights(path, broken)
  const tensors: Record<string, Tensor> = {}
  for (const { name, shape } of source?.entries ?? [])
    tensors[name] = { shape, data: (await source?.read(name)) ?? new Float32Array() }
  await source?.close()
  return tensors
}
