/** Cases of noise schedules: gamma, its shifts, weights of the loss, and steps of sampling. */
import { gammas, shift, timesteps, vdmWeights } from '../../compiler/build/schedule.js'
import { checkProgram } from '../../compiler/check/check.js'
import { load, type SourceHost } from '../../compiler/check/load.js'
import type { Diffusion, Model, Schedule } from '../../compiler/check/model.js'
import { InternalError } from '../../compiler/diagnostics/internal.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { type RecordedCase } from './case.js'
import { asObject } from '../json.js'
import type { Figures } from './figures.js'
import type { ModelEngine, Tables } from './subject.js'

const schedules: Readonly<Record<string, Schedule>> = {
  cosine: { kind: 'cosine', from: 5, to: -5 },
  ddpm: { kind: 'ddpm', first: 1e-4, last: 0.02 },
  deepfloyd: { kind: 'deepfloyd' },
}

type Process = Pick<Diffusion, 'schedule' | 'steps' | 'shift' | 'power'>

/** Works out the numbers of a process of one resolution. */
export type TablesOf = (process: Process, steps: number) => Promise<Tables>

/** The tables that every engine for graphs is given. */
export const compiledTables: TablesOf = async ({ schedule, steps: all, shift: factor, power }, steps) => {
  const gamma = Float32Array.from(gammas(schedule, all)).map((value) => shift(value, factor, power))
  return { gammas: gamma, weights: vdmWeights(gamma), timesteps: timesteps(gamma, steps, 'even') }
}

/** The tables of a generated package. */
export function tablesOf(engine: ModelEngine, host: SourceHost, report: Report): TablesOf {
  const base = smallModel(host, report)
  return (process, steps) => {
    const diffusion: Diffusion = { ...base.diffusion, ...process, weighting: { kind: 'vdm' } }
    const sampling = { ...base.sampling, steps, spacing: 'even' as const }
    return engine.tablesOf({ ...base, diffusion, sampling }, steps)
  }
}

/** A schedule belongs to a model; the least one will do. */
function smallModel(host: SourceHost, report: Report): Model {
  const text = 'model Schedules { level 8 { channels 32  blocks 1 } }'
  const read = (path: string) => (path === 'schedules.mdm' ? text : host.read(path))
  const program = load('schedules.mdm', { ...host, read }, report)
  const model = program && checkProgram(program, report)[0]
  if (model === undefined) throw new InternalError('the least model does not hold')
  return model
}

/** Compares every tensor of the case that its name describes. */
export async function compareSchedules(
  { json, tensors }: RecordedCase,
  figures: Figures,
  tables: TablesOf,
): Promise<void> {
  const listed: readonly unknown[] = Array.isArray(json.entries) ? json.entries : []
  const processes = new Map<string, Process>()
  for (const { name, num_diffusion_steps: steps, schedule_type: type } of listed.map(
    (entry) => asObject(entry) ?? {},
  )) {
    const schedule = schedules[String(type)]
    if (schedule === undefined) continue
    const process = { schedule, steps: Number(steps), shift: 1, power: 1 }
    processes.set(String(name), process)
    const { gammas: table, weights } = await tables(process, 1)
    for (const [what, data] of Object.entries({ gammas: table, vdm_weights: weights })) {
      const recorded = `${String(name)}.${what}`
      await figures.compare(recorded, { shape: [data.length], data }, recorded)
    }
  }
  for (const { name } of tensors?.entries ?? []) {
    const [, base = '', factor, power] = /^(.+)_shift(\d+)_power(\d+)$/.exec(name) ?? []
    const process = processes.get(base)
    if (process) {
      const { gammas: data } = await tables({ ...process, shift: Number(factor), power: Number(power) }, 1)
      await figures.compare(name, { shape: [data.length], data }, name)
    }
    const [, all, count] = /^timesteps_(\d+)_(\d+)$/.exec(name) ?? []
    const schedule = schedules.cosine
    if (all === undefined || count === undefined || schedule === undefined) continue
    const { timesteps: steps } = await tables({ schedule, steps: Number(all), shift: 1, power: 1 }, Number(count))
    await figures.compare(name, { shape: [steps.length], data: Float64Array.from(steps) }, name)
  }
}
