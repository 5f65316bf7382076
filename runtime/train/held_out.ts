/** The loss on examples that are not trained on: always the same ones, with the same noise and steps. */
import type { ParameterValues, Session } from '../../backends/engine.js'
import { buildLoss } from '../../compiler/build/loss.js'
import { processOf } from '../../compiler/build/schedule.js'
import { inputTypes, type Graph } from '../../compiler/ir/graph.js'
import { inferenceOnStored } from '../../compiler/passes/index.js'
import { Loader } from '../data/loader.js'
import type { Pool } from '../data/pool.js'
import { microsFor } from './conditions.js'
import { drawsFor } from './draws.js'
import { lossesIn, meanOf } from './losses.js'
import { imagesOf } from './phases.js'
import type { PlannedPhase } from './phases.js'
import type { Examples, TrainJob } from './job.js'

/** Images that the loss is taken of; a smaller data set shows each several times, with other noise. */
const images = 256

export class HeldOut {
  private constructor(
    private readonly examples: Examples,
    private readonly phase: PlannedPhase,
    private readonly seed: number,
    private readonly batch: number,
    private readonly graph: Graph,
    private readonly session: Session,
    private readonly loader: Loader,
  ) {}

  /**
   * Makes the loss of a phase's model ready, with parameters that go on changing; undefined where no example can be
   * read, which is reported.
   */
  static async open(
    { plan, engine, options, report }: TrainJob,
    pool: Pool,
    phase: PlannedPhase,
    examples: Examples,
    weights: ParameterValues,
  ): Promise<HeldOut | undefined> {
    const { seed } = plan
    const batch = Math.min(phase.batch, examples.dataset.length)
    const graph = inferenceOnStored.run(buildLoss(phase.model, report))
    const session = await engine.prepare(graph, weights, { ...options, trains: true })
    const order = { batch, seed, flip: false }
    const loader = await Loader.open(examples.dataset, { ...imagesOf(phase.model), ...order }, pool, report)
    if (loader) return new HeldOut(examples, phase, seed, batch, graph, session, loader)
    await session.dispose()
    return undefined
  }

  /** Mean losses, by the names `loss` and `loss/RESOLUTION`. */
  async losses(): Promise<Record<string, number>> {
    const { examples, phase, seed, batch, graph, loader } = this
    const { model } = phase
    const totals = new Map<string, number[]>()
    for (let first = 0; first < images; first += batch) {
      const batchOf = await loader.next()
      const condition = await examples.conditions(
        batchOf.examples,
        batchOf.examples.map(() => false),
      )
      const place = { seed, purpose: 'held_out', first, rows: batch }
      const draws = drawsFor(inputTypes(graph), processOf(model), place, condition.text?.shape[1] ?? 0)
      const outputs = await this.session.run({
        images: batchOf.images,
        ...microsFor(model, batch),
        ...condition,
        ...draws,
      })
      for (const [name, { data }] of lossesIn(model, outputs))
        totals.set(name, [...(totals.get(name) ?? []), meanOf(data)])
    }
    // The first batches of the next time are prepared meanwhile.
    loader.goTo(0)
    return Object.fromEntries(Array.from(totals, ([name, means]) => [name, meanOf(means)]))
  }

  async dispose(): Promise<void> {
    await this.session.dispose()
  }
}
