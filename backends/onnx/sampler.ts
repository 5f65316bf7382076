/** A whole sampler as one ONNX graph: noise and condition go in, images come out, the loop is inside. */
import { conditionNames } from '../../compiler/build/denoiser.js'
import { signalScales } from '../../compiler/build/schedule.js'
import { resolutionName } from '../../compiler/build/nest.js'
import { partsOf, type Model } from '../../compiler/check/model.js'
import { InternalError } from '../../compiler/diagnostics/internal.js'
import { symbol, type Shape } from '../../compiler/ir/dimension.js'
import type { Graph } from '../../compiler/ir/graph.js'
import type { Emitter, LoweringOptions, Operand } from './emitter.js'
import { emitterFor, finish, lowerInto, type NamedResult } from './lower.js'
import type { OnnxModel, ValueInfo } from './model.js'
import { sinkConstants } from './sink.js'
import { drawsNoise, looksBack, solverTables } from './solver.js'

const [batch, steps] = [symbol('batch'), symbol('steps')]

/** What each condition is called where guidance leads away from it. */
const negative = (name: string) => `negative_${name}`

/**
 * The sampler around a step (see `buildSamplerStep`) of the same model. For each resolution R it takes `x_R`, the noise
 * to start from, and where the method draws noise `noise_R` [steps, ...], one slice per step, the last of which counts
 * for nothing; then the conditions, each with its `negative_` where the step is guided; the micro-conditions [batch];
 * `steps`, from 1 to the schedule's; and `guidance` where guided. Outputs: `image_R`, within -1 and 1.
 */
export function lowerSampler(model: Model, step: Graph, options: LoweringOptions): OnnxModel {
  return new SamplerLowering(model, step, emitterFor(step, options)).run()
}

interface Resolution {
  readonly name: string
  readonly shape: Shape
  /** What the image was divided by before noise was added. */
  readonly scale: number
}

class SamplerLowering {
  readonly #resolutions: readonly Resolution[]
  /** Whether the step takes the rows of the negative condition ahead of those of the condition. */
  readonly #guided: boolean

  constructor(
    readonly model: Model,
    readonly step: Graph,
    readonly g: Emitter,
  ) {
    const scales = signalScales(model)
    this.#guided = step.inputs.some(({ name }) => name === 'guidance')
    this.#resolutions = partsOf(model).map((part, r) => ({
      name: resolutionName(part),
      shape: this.#inputShape(`x_${resolutionName(part)}`),
      scale: scales[r] ?? 1,
    }))
  }

  run(): OnnxModel {
    const { g, model } = this
    const { sampling } = model
    for (const { name } of this.#resolutions) g.reserve(`image_${name}`)
    const start = this.#resolutions.map(({ name, shape }) => g.input(`x_${name}`, 'float32', shape))
    const noise = this.#resolutions.map(({ name, shape }) =>
      drawsNoise(sampling) ? g.input(`noise_${name}`, 'float32', [steps, ...shape]) : undefined,
    )
    const fixed = this.#fixedInputs()
    const asked = g.input('steps', 'int64', [])
    g.path = 'solver'
    const { count, times, coefficients } = solverTables(g, model, asked)

    const carried = looksBack(sampling) ? [...start, ...start] : start
    const shapes = carried.map((_, i) => this.#resolutions[i % start.length]?.shape ?? [])
    const bodyInputs: ValueInfo[] = [
      { name: 'loop/step', elementType: 'int64', shape: [] },
      { name: 'loop/go_on', elementType: 'bool', shape: [] },
      ...shapes.map((shape, i): ValueInfo => ({ name: `loop/state_${i}`, elementType: 'float32', shape })),
    ]
    const body = g.body('step', bodyInputs, ([index, goOn, ...state]) => {
      if (!index || !goOn) throw new InternalError('a loop without a counter')
      const now = (table: Operand) => g.node('Gather', [table, index], { axis: 0 })
      const given = new Map(fixed)
      given.set('times', g.node('Expand', [now(times), g.shape([batch])]))
      given.set('coefficients', now(coefficients))
      for (const [r, { name }] of this.#resolutions.entries()) {
        const drawn = noise[r]
        // What the method does not use is a single zero: it is multiplied by a coefficient of 0 anyway.
        given.set(`x_${name}`, state[r] ?? g.scalar(0, 'float32'))
        given.set(`previous_${name}`, state[r + start.length] ?? g.scalar(0, 'float32'))
        given.set(`noise_${name}`, drawn ? now(drawn) : g.scalar(0, 'float32'))
      }
      const results = new Map(lowerInto(g, this.step, given).map((result) => [result.name, result]))
      const kinds = looksBack(sampling) ? ['next', 'x0'] : ['next']
      const wanted = kinds.flatMap((kind) => this.#resolutions.map(({ name }) => results.get(`${kind}_${name}`)))
      const next = wanted.map((result) => result ?? raise('a step without a result'))
      return [{ operand: g.node('Identity', [goOn]), shape: [] }, ...next]
    })
    g.path = ''
    const types = carried.map(() => 'float32' as const)
    const always = g.constant({ shape: [], data: Uint8Array.of(1) })
    const last = g.nodeOf('Loop', [count, always, ...carried], { body }, types)
    const images = this.#resolutions.map((resolution, r) =>
      this.#image(last[r] ?? raise('a loop without a result'), resolution),
    )
    return sinkConstants(finish(g, `${model.name}_sampler`, images))
  }

  #inputShape(name: string): Shape {
    const input = this.step.inputs.find((candidate) => candidate.name === name)
    return (input ?? raise(`the step has no input ${name}`)).value.type.shape
  }

  /** What is the same in every step: conditions and micro-conditions, twice where guided, and the guidance. */
  #fixedInputs(): Map<string, Operand> {
    const { g } = this
    const fixed = new Map<string, Operand>()
    for (const { name, value } of this.step.inputs) {
      const { dataType, shape } = value.type
      if (name === 'guidance') fixed.set(name, g.input(name, dataType, shape))
      const isMicro = name.startsWith('micro_')
      if (!isMicro && !conditionNames.includes(name)) continue
      const once: Shape = [batch, ...shape.slice(1)]
      const positive = g.input(name, dataType, once)
      const other = !this.#guided || isMicro ? positive : g.input(negative(name), dataType, once)
      fixed.set(name, this.#guided ? g.node('Concat', [other, positive], { axis: 0 }) : positive)
    }
    return fixed
  }

  #image(x: Operand, { name, shape, scale }: Resolution): NamedResult {
    const { g } = this
    const whole = scale === 1 ? x : g.node('Mul', [x, g.scalar(scale, 'float32')])
    const operand = g.node('Clip', [whole, g.scalar(-1, 'float32'), g.scalar(1, 'float32')])
    return { name: `image_${name}`, operand, shape }
  }
}

function raise(message: string): never {
  throw new InternalError(message)
}
