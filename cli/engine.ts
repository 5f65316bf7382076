/** The options `--engine`, `--device` and `--threads`; engines are loaded when they are chosen. */
import { Option, type Command } from 'commander'
import type { Engine, EngineOptions } from '../backends/engine.js'
import { oneOf } from '../compiler/diagnostics/suggest.js'
import { whole } from './options.js'
import { WrongUsage } from './report.js'

const engines: Readonly<Record<string, () => Promise<Engine>>> = {
  onnx: async () => (await import('../backends/onnx/engine.js')).onnx,
  tfjs: async () => (await import('../backends/tfjs/engine.js')).tfjs,
  reference: async () => (await import('../backends/reference/engine.js')).reference,
}

/** What the options say: the engine's name, and how it is to compute. */
export interface EngineChoice extends Pick<EngineOptions, 'threads'> {
  readonly engine: string
  /** The engine's first one where absent. */
  readonly device?: string
}

/** `more`: engines that only this command has. */
export function addEngineOptions(command: Command, device?: 'auto', more: readonly string[] = []): Command {
  const names = [...Object.keys(engines), ...more]
  return command
    .addOption(new Option('--engine <name>', 'what computes').choices(names).default('onnx'))
    .option('--device <name>', 'where it computes: auto, cpu, wasm, webgpu, cuda, ...', device)
    .option('--threads <count>', 'threads of the processor', whole(1, 1024))
}

/** The engine of that name, and the device that it is to use; refuses one that it does not have. */
export async function chooseEngine(choice: EngineChoice): Promise<{ engine: Engine; options: EngineOptions }> {
  const load = engines[choice.engine]
  if (load === undefined) throw new WrongUsage(`there is no engine ${choice.engine}`)
  return chooseDevice(await load(), choice)
}

/** The device that an engine is to use; refuses one that it does not have. */
export async function chooseDevice<E extends Pick<Engine, 'name' | 'devices' | 'auto' | 'takesThreads' | 'works'>>(
  engine: E,
  choice: EngineChoice,
): Promise<{ engine: E; options: EngineOptions }> {
  const { engine: name, threads } = choice
  if (threads !== undefined && !engine.takesThreads)
    throw new WrongUsage(`the engine ${name} decides itself how many threads it takes: leave --threads out`)
  const { device = engine.devices[0] ?? '' } = choice
  const options = (chosen: string) => ({ device: chosen, ...(threads === undefined ? {} : { threads }) })
  if (engine.devices.includes(device)) return { engine, options: options(device) }
  if (device === 'auto') return { engine, options: options(await firstThatWorks(engine)) }
  throw new WrongUsage(`the engine ${name} has no device ${device}; it has ${oneOf(engine.devices)}`)
}

async function firstThatWorks(engine: Pick<Engine, 'auto' | 'works'>): Promise<string> {
  for (const device of engine.auto) if (await engine.works(device)) return device
  return engine.auto.at(-1) ?? ''
}
