/** One phase of a run from its first step, or from a checkpoint, to its last: steps, metrics, pictures, checkpoints. */
import { partsOf } from '../../compiler/check/model.js'
import { tooManySkipped } from '../../compiler/diagnostics/train.js'
import { InternalError } from '../../compiler/diagnostics/internal.js'
import type { Parameter } from '../../compiler/ir/parameter.js'
import { Loader } from '../data/loader.js'
import type { Pool } from '../data/pool.js'
import { asObject, isCount } from '../json.js'
import type { ParameterStore } from '../optimise/store.js'
import type { SavedCheckpoint } from '../run/checkpoints.js'
import type { NamedTensor } from '../run/tensors.js'
import type { PlainValue, WeightSource } from '../weights/source.js'
import type { RunCounters } from './counters.js'
import { HeldOut } from './held_out.js'
import { imagesOf, type PlannedPhase } from './phases.js'
import { Previews } from './previews.js'
import { openTrained, startingValues, type Trained } from './starts.js'
import type { Examples, PhaseData, TrainJob, TrainOutcome } from './job.js'
import { Trainer, type TrainerState } from './trainer.js'

/** Steps in a row whose gradients are not finite, after which a run gives up. */
const mostSkipped = 20

export class PhaseRun {
  #previews: Previews | undefined
  #heldOut: HeldOut | undefined
  /** What the best checkpoint is chosen by: the held-out loss, or the loss of the last line of metrics. */
  #quality = NaN

  private constructor(
    private readonly job: TrainJob,
    private readonly pool: Pool,
    private readonly number: number,
    private readonly phase: PlannedPhase,
    private readonly counters: RunCounters,
    private readonly trainer: Trainer,
  ) {}

  /** Makes a phase ready: with all that a checkpoint of it holds, or with the weights that it starts from. */
  static async open(
    job: TrainJob,
    pool: Pool,
    number: number,
    counters: RunCounters,
    checkpoint: SavedCheckpoint | undefined,
  ): Promise<PhaseRun | undefined> {
    const { plan, engine, options, report } = job
    const phase = plan.phases[number]
    if (phase === undefined) throw new InternalError(`the run has no phase ${number}`)
    const within = checkpoint?.state.phase === number ? checkpoint : undefined
    const fill = (store: ParameterStore, parameters: readonly Parameter[]) =>
      within ? restore(store, within) : begin(store, parameters, job, number, checkpoint)
    const { training, seed, recompute, lossScale } = plan
    const settings = { phase, number, training, seed, recompute, lossScale }
    const state = within && trainerState(within.state.trainer)
    const trainer = await Trainer.prepare(settings, fill, state, engine, options, report)
    return trainer && new PhaseRun(job, pool, number, phase, counters, trainer)
  }

  /** Takes the steps from `done` steps of the run on; undefined where no example can be read, which is reported. */
  async run(done: number): Promise<TrainOutcome | undefined> {
    const { job, phase, counters, trainer } = this
    const { plan, rhythm, hooks, folder, report } = job
    const { model, batch, firstStep } = phase
    const end = firstStep + phase.steps
    const { accumulate, flip } = plan.training
    const { examples, heldOut } = this.#data()
    const order = { batch, seed: plan.seed, flip, firstStep: (done - firstStep) * accumulate }
    const loader = await Loader.open(examples.dataset, { ...imagesOf(model), ...order }, this.pool, report)
    if (loader === undefined) return undefined
    let damaged = 0
    for (let step = done; step < end;) {
      const started = performance.now()
      const waited = loader.waited
      const result = await trainer.step(step - firstStep, { loader, conditions: examples.conditions })
      step++
      const seconds = (performance.now() - started) / 1000
      counters.count(result, batch * accumulate, seconds, (loader.waited - waited) / 1000)
      hooks.onStep(step, result.skipped ? undefined : result.losses.loss, result.rate)
      for (const { name, problem } of loader.skipped.slice(damaged))
        folder.note(step, `${name} was left out: ${problem}`)
      counters.totals.examples_skipped = (counters.totals.examples_skipped ?? 0) + loader.skipped.length - damaged
      damaged = loader.skipped.length
      if (result.skipped) {
        this.#remark(step, `step ${step} was skipped: its loss or gradient is not finite`)
        if (counters.skippedInARow >= mostSkipped) {
          job.report(tooManySkipped({ steps: mostSkipped, step }), undefined)
          return { kind: 'failed', steps: step }
        }
      }
      const ends = step === end || hooks.stopping()
      const due = (every: number) => every > 0 && (step % every === 0 || step === end)
      if (due(rhythm.log)) {
        const row = counters.row(step, result.rate)
        folder.append(row)
        if (!heldOut) this.#quality = row.loss ?? NaN
      }
      if (heldOut && due(rhythm.evaluate)) await this.#evaluate(step, heldOut)
      if (due(rhythm.preview)) await this.#preview(step)
      if (ends || due(rhythm.save)) await this.#save(step)
      if (step < end && hooks.stopping()) {
        await folder.writeReport(job.report)
        return { kind: 'stopped', steps: step }
      }
    }
    return { kind: 'done', steps: end }
  }

  /** Writes the weights that the run was for, and the report. */
  async finish(): Promise<void> {
    const { folder, report, plan } = this.job
    const { store, graph } = this.trainer
    const tensors = graph.parameters.map(({ name, shape }) => ({ name, shape, values: store.average(name) }))
    await folder.writeWeights(tensors, { model: plan.model.name })
    await folder.writeReport(report)
  }

  async close(): Promise<void> {
    await this.#previews?.close()
    await this.#heldOut?.dispose()
    await this.trainer.dispose()
  }

  /** The loss on what is held out, with the averaged weights. */
  async #evaluate(step: number, examples: Examples): Promise<void> {
    const { job, phase, trainer } = this
    const weights = { read: async (name: string) => trainer.store.average(name) }
    this.#heldOut ??= await HeldOut.open(job, this.pool, phase, examples, weights)
    if (this.#heldOut === undefined) return
    const losses = await this.#heldOut.losses()
    job.folder.append({
      step,
      ...Object.fromEntries(Object.entries(losses).map(([name, loss]) => [`held_out/${name}`, loss])),
    })
    this.#quality = losses.loss ?? NaN
  }

  /** A grid of pictures, made with the averaged weights. */
  async #preview(step: number): Promise<void> {
    const { job, phase, trainer } = this
    const { engine, options, report, plan, previews } = job
    const weights = { read: async (name: string) => trainer.store.average(name) }
    this.#previews ??= await Previews.open(phase.model, plan.seed, previews, weights, engine, options, report)
    if (this.#previews) await job.folder.samples({ step, png: await this.#previews.draw(), captions: previews.words })
  }

  async #save(step: number): Promise<void> {
    const { counters, number, trainer } = this
    const { store, graph } = trainer
    const best = this.#quality < counters.best
    if (best) counters.best = this.#quality
    const shapes = new Map(graph.parameters.map(({ name, shape }) => [name, shape]))
    const named = (prefix: string, of: (name: string) => Float32Array): NamedTensor[] =>
      store.trained.map(({ name }) => ({ name: prefix + name, shape: shapes.get(name) ?? [], values: of(name) }))
    const { optimiser, lossScale } = trainer.state
    const state = {
      phase: number,
      counters: counters.state,
      trainer: { optimiser: { ...optimiser }, lossScale: lossScale ? { ...lossScale } : null },
    }
    const tensors = {
      model: graph.parameters.map(({ name, shape }) => ({ name, shape, values: store.values(name) })),
      ...(store.settings.average > 0 ? { average: named('', (name) => store.average(name)) } : {}),
      optimizer: [
        ...named(firstMoment, (name) => store.firstMoment(name)),
        ...named(secondMoment, (name) => store.secondMoment(name)),
      ],
    }
    await this.job.folder.checkpoint({ step, best, state, tensors }, this.job.rhythm.keep)
  }

  #data(): PhaseData {
    const data = this.job.data[this.number]
    if (data === undefined) throw new InternalError(`the run has no data for phase ${this.number}`)
    return data
  }

  #remark(step: number, text: string): void {
    this.job.folder.note(step, text)
    this.job.hooks.onRemark(text)
  }
}

const firstMoment = 'first_moment.'
const secondMoment = 'second_moment.'

/** Puts everything that a checkpoint of the phase holds into the store. */
async function restore(store: ParameterStore, { tensors }: SavedCheckpoint): Promise<true> {
  const { model, average, optimizer } = tensors
  if (model === undefined || optimizer === undefined) throw new InternalError('a checkpoint without parameters')
  await store.fill(model)
  for (const { name } of store.trained) {
    store.firstMoment(name).set(await optimizer.read(firstMoment + name))
    store.secondMoment(name).set(await optimizer.read(secondMoment + name))
    if (average && store.settings.average > 0) store.average(name).set(await average.read(name))
  }
  return true
}

/** Fills the store with what the phase starts from; false where a given checkpoint does not fit, which is reported. */
async function begin(
  store: ParameterStore,
  parameters: readonly Parameter[],
  { plan, report }: TrainJob,
  number: number,
  before: SavedCheckpoint | undefined,
): Promise<boolean> {
  const { model, start } = plan.phases[number] ?? {}
  if (model === undefined) throw new InternalError(`the run has no phase ${number}`)
  const trained: Trained[] = []
  const opened: WeightSource[] = []
  const given: [path: string | undefined, shallowest: number][] = [[start, 0]]
  if (before) {
    const past = Number(before.state.phase)
    const names = partsOf(model).map(({ name }) => name)
    const depth = names.indexOf(plan.phases[past]?.model.name ?? '')
    for (const source of [before.tensors.average, before.tensors.model])
      if (source && depth >= 0) trained.push({ source, depth })
  } else {
    given.push([plan.weights, 0])
    partsOf(model).forEach(({ inner }, depth) => given.push([inner?.pretrained, depth + 1]))
  }
  try {
    for (const [path, shallowest] of given) {
      if (path === undefined) continue
      const found = await openTrained(path, model, parameters, report, shallowest)
      if (found === undefined) return false
      opened.push(found.source)
      // What is given for a phase counts more than what was trained before.
      if (path === start) trained.unshift(found)
      else trained.push(found)
    }
    const values = startingValues(trained, plan.seed)
    const byName = new Map(parameters.map((parameter) => [parameter.name, parameter]))
    await store.fill({
      read: async (name) => {
        const parameter = byName.get(name)
        if (parameter === undefined) throw new InternalError(`the model has no parameter ${name}`)
        return values(parameter)
      },
    })
    return true
  } finally {
    for (const source of opened) await source.close()
  }
}

function trainerState(value: PlainValue | undefined): TrainerState {
  const { optimiser, lossScale } = asObject(value) ?? {}
  const { steps, updates } = asObject(optimiser) ?? {}
  const { scale, steady } = asObject(lossScale) ?? {}
  if (!isCount(steps) || !isCount(updates)) throw new InternalError('a checkpoint without counters of the optimiser')
  return {
    optimiser: { steps, updates },
    lossScale: typeof scale === 'number' && isCount(steady) ? { scale, steady } : undefined,
  }
}
