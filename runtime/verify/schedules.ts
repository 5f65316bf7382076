/** Cases of noise schedules: gamma, its shifts, weights of the loss, and steps of sampling. */
import { gammas, shift, timesteps, vdmWeights } from '../../compiler/build/schedule.js'
import type { Schedule } from '../../compiler/check/model.js'
import { type RecordedCase } from './case.js'
import { asObject } from '../json.js'
import type { Figures } from './figures.js'

const schedules: Readonly<Record<string, Schedule>> = {
  cosine: { kind: 'cosine', from: 5, to: -5 },
  ddpm: { kind: 'ddpm', first: 1e-4, last: 0.02 },
  deepfloyd: { kind: 'deepfloyd' },
}

/** Compares every tensor of the case that its name describes. */
export async function compareSchedules({ json, tensors }: RecordedCase, figures: Figures): Promise<void> {
  const listed: readonly unknown[] = Array.isArray(json.entries) ? json.entries : []
  const entries = listed.flatMap((entry): Readonly<Record<string, unknown>>[] =>
    asObject(entry) ? [asObject(entry) ?? {}] : [],
  )
  const tables = new Map<string, Float32Array>()
  for (const { name, num_diffusion_steps: steps, schedule_type: type } of entries) {
    const schedule = schedules[String(type)]
    if (schedule === undefined) continue
    const table = gammas(schedule, Number(steps))
    tables.set(String(name), Float32Array.from(table))
    await figures.compare(`${String(name)}.gammas`, { shape: [table.length], data: table }, `${String(name)}.gammas`)
    const weights = vdmWeights(Float32Array.from(table))
    await figures.compare(
      `${String(name)}.vdm_weights`,
      { shape: [weights.length], data: weights },
      `${String(name)}.vdm_weights`,
    )
  }
  for (const { name } of tensors?.entries ?? []) {
    const [, base, factor, power] = /^(.+)_shift(\d+)_power(\d+)$/.exec(name) ?? []
    const table = base === undefined ? undefined : tables.get(base)
    if (table)
      await figures.compare(
        name,
        { shape: [table.length], data: table.map((gamma) => shift(gamma, Number(factor), Number(power))) },
        name,
      )
    const [, all, count] = /^timesteps_(\d+)_(\d+)$/.exec(name) ?? []
    if (all === undefined || count === undefined) continue
    const steps = timesteps(new Float32Array(Number(all) + 1), Number(count), 'even')
    await figures.compare(name, { shape: [steps.length], data: Float64Array.from(steps) }, name)
  }
}
