/** The loss on examples that are not trained on: always the same ones, with the same noise and steps. */
import type { Engine, EngineOptions, ParameterValues, Session } from '../../backends/engine.js'
import { buildLoss } from '../../compiler/build/loss.js'
import { processOf } from '../../compiler/build/schedule.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { inputTypes, type Graph } from '../../compiler/ir/graph.js'
import { inferenceOnStored } from '../../compiler/passes/index.js'
import { Loader } from '../data/loader.js'
import { microsFor } from './conditions.js'
import { drawsFor } from './draws.js'
import { lossesIn, meanOf } from './losses.js'
import { imagesOf } from './phases.js'
import type { PlannedPhase } from './phases.js'
import type { Examples } from './job.js'

/** Images that the loss is taken of; a smaller data set shows each several times, with other noise. */
const images = 256

export class HeldOut {
  private constructor(
    private readonly examples: Examples,
    private readonly phase: PlannedPhase,
    private readonly seed: number,
    private readonly graph: Graph,
    private readonly session: Session,
  ) {}

  /** Makes the loss of a phase's model ready, with parameters that go on changing. */
  static async open(
    examples: Examples,
    phase: PlannedPhase,
    seed: number,
    weights: ParameterValues,
    engine: Engine,
    options: EngineOptions,
    report: Report,
  ): Promise<HeldOut> {
    const graph = inferenceOnStored.run(buildLoss(phase.model, report))
    const session = await engine.prepare(graph, weights, { ...options, trains: true })
    return new HeldOut(examples, phase, seed, graph, session)
  }

  /** Mean losses, by the names `loss` and `loss/RESOLUTION`; undefined where no example can be read, which is reported. */
  async losses(workers: number, report: Report): Promise<Record<string, number> | undefined> {
    const { examples, phase, seed, graph } = this
    const { model } = phase
    const { dataset, conditions } = examples
    const batch = Math.min(phase.batch, dataset.length)
    const loader = await Loader.open(dataset, { ...imagesOf(model), batch, seed, flip: false, workers }, report)
    if (loader === undefined) return undefined
    const totals = new Map<string, number[]>()
    try {
      for (let first = 0; first < images; first += batch) {
        const batchOf = await loader.next()
        const condition = await conditions(
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
    } finally {
      await loader.close()
    }
    return Object.fromEntries(Array.from(totals, ([name, means]) => [name, meanOf(means)]))
  }

  async dispose(): Promise<void> {
    await this.session.dispose()
  }
}
