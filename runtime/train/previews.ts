/** Pictures that show how far a training has come: the same prompts and the same noise each time. */
import type { Engine, EngineOptions, ParameterValues } from '../../backends/engine.js'
import { processOf } from '../../compiler/build/schedule.js'
import { resolutionName } from '../../compiler/build/nest.js'
import type { Model, Sampling } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { encode } from '../images/encode.js'
import { grid } from '../images/layout.js'
import { picturesOf, videosOf, type Picture } from '../images/picture.js'
import { Sampler } from '../sample/loop.js'
import { networkOfModel } from '../sample/network.js'
import { conditionerOf, type Wanted, type Wishes } from '../sample/request.js'
import { subjectOf } from '../sample/subject.js'

/** What the pictures show, and how they are sampled. */
export interface PreviewWishes {
  readonly sampling: Sampling
  /** One per picture: its prompt or label; empty for a model without condition. */
  readonly words: readonly string[]
  readonly encoder: string | undefined
}

const batchSize = 4

/** Samples with parameters that go on changing between one grid and the next. */
export class Previews {
  private constructor(
    private readonly model: Model,
    private readonly words: readonly string[],
    private readonly sampler: Sampler,
    private readonly condition: NonNullable<Awaited<ReturnType<typeof conditionerOf>>>,
    private readonly micros: ReadonlyMap<string, number>,
  ) {}

  /** Undefined where the prompts or labels are not the model's, which is reported. */
  static async open(
    model: Model,
    seed: number,
    { sampling, words, encoder }: PreviewWishes,
    weights: ParameterValues,
    engine: Engine,
    options: EngineOptions,
    report: Report,
  ): Promise<Previews | undefined> {
    const guided = sampling.guidance !== 1 && model.condition !== undefined
    const subject = subjectOf(model, '')
    const given = words.filter((word) => word !== '')
    const isText = model.condition?.kind === 'text'
    const wishes: Wishes = {
      prompts: isText ? given : [],
      labels: isText ? [] : given,
      negative: undefined,
      encoder,
      count: 1,
    }
    const condition = await conditionerOf(subject, wantedOf(words), wishes, guided, report)
    if (condition === undefined) return undefined
    const step = { threshold: sampling.threshold, guided }
    const network = await networkOfModel(model, weights, step, engine, { ...options, trains: true }, report)
    const sampler = new Sampler(
      processOf(model),
      { sampling: { ...sampling, guidance: guided ? sampling.guidance : 1 }, seed },
      network,
    )
    return new Previews(model, words, sampler, condition, subject.micros)
  }

  /** One grid as a PNG file: the highest resolution of each picture; of videos, the frames in a row. */
  async draw(): Promise<Buffer> {
    const { model, words } = this
    const pictures: Picture[] = []
    for (let first = 0; first < words.length; first += batchSize) {
      const wanted = wantedOf(words.slice(first, first + batchSize))
      const images = wanted.map((_, i) => first + i)
      const sampled = await this.sampler.sample({ images, condition: this.condition(wanted), micros: this.micros })
      const highest = sampled.get(resolutionName(model))
      if (highest === undefined) continue
      pictures.push(
        ...(model.frames === 1 ? picturesOf(highest) : videosOf(highest).map((frames) => grid(frames, frames.length))),
      )
    }
    return encode(grid(pictures, model.frames === 1 ? undefined : 1), 'png')
  }

  async close(): Promise<void> {
    await this.sampler.dispose()
  }
}

function wantedOf(words: readonly string[]): Wanted[] {
  return words.map((word) => ({ words: word }))
}
