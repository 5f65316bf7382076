/** The options `--engine`, `--device` and `--threads`; engines are loaded when they are chosen. */
import { Option, type Command } from 'commander'
import type { Engine, EngineOptions } from '../backends/engine.js'
import { oneOf } from '../compiler/diagnostics/suggest.js'
import { whole } from './options.js'
import { WrongUsage } from './report.js'

const engines: Readonly<Record<string, () => Promise<Engine>>> = {
  onnx: async () => (await import('../backends/onnx/engine.js')).onnx,
  reference: async () => (await import('../backends/reference/engine.js')).reference,
}

/** What the options say: the engine's name, and how it is to compute. */
export interface EngineChoice extends EngineOptions {
  readonly engine: string
}

export function addEngineOptions(command: Command): Command {
  return command
    .addOption(new Option('--engine <name>', 'what computes').choices(Object.keys(engines)).default('onnx'))
    .option('--device <name>', 'where it computes: cpu, webgpu, cuda, ...', 'cpu')
    .option('--threads <count>', 'threads of the processor', whole(1, 1024))
}

/** The engine of that name; refuses a device that it does not have. */
export async function chooseEngine({ engine: name, device }: EngineChoice): Promise<Engine> {
  const load = engines[name]
  if (load === undefined) throw new WrongUsage(`there is no engine ${name}`)
  const engine = await load()
  if (engine.devices.includes(device)) return engine
  throw new WrongUsage(`the engine ${name} has no device ${device}; it has ${oneOf(engine.devices)}`)
}
