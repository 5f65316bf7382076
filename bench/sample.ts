/**
 * What the loop of sampling costs beside the network: the time of Sampler.sample that is not spent in the engine, as a
 * share of the whole. Run with `npx tsx bench/sample.ts [--runs 5] [--steps 250] [--batch 1] [FILE.mdm...]`.
 */
import { parseArgs } from 'node:util'
import type { Engine } from '../backends/engine.js'
import { onnx } from '../backends/onnx/engine.js'
import { buildDenoiser } from '../compiler/build/denoiser.js'
import { processOf } from '../compiler/build/schedule.js'
import type { Sampling } from '../compiler/check/model.js'
import { checkFile } from '../compiler/compile.js'
import { elementCount } from '../compiler/ir/tensor.js'
import { disk } from '../cli/sources.js'
import { Sampler } from '../runtime/sample/loop.js'
import { networkOfModel } from '../runtime/sample/network.js'
import { conditionerOf, imagesOf, settingsOf, type Wishes } from '../runtime/sample/request.js'
import { subjectOf } from '../runtime/sample/subject.js'
import { initialWeights } from '../runtime/weights/initialise.js'
import { median } from './processes.js'

/** The most that the loop may take, as a share of the whole. */
const target = 0.03

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '5' },
    steps: { type: 'string', default: '250' },
    batch: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
  },
})
const [runs, steps, batch, threads] = [values.runs, values.steps, values.batch, values.threads].map(Number)

for (const file of positionals.length > 0 ? positionals : ['examples/nested.mdm'])
  for (const method of ['ddpm', 'ddim', 'dpm'] as const) await measure(file, method)

async function measure(file: string, method: Sampling['method']): Promise<void> {
  const model = checkFile(file, disk).models.at(-1)
  if (!model) throw new Error(`${file} has no model`)
  const wishes: Wishes = { prompts: [], labels: [], negative: undefined, encoder: 'hash', count: batch ?? 1 }
  const subject = subjectOf(model, '')
  const sampling = settingsOf(subject, { method, steps: steps ?? 250 }, wishes, fail)
  if (!sampling) throw new Error('the settings were refused')
  const guided = sampling.guidance !== 1
  const wanted = imagesOf(wishes)
  const condition = (await conditionerOf(subject, wanted, wishes, guided, fail))?.(wanted)
  if (!condition) throw new Error('the condition was refused')

  const clock = { milliseconds: 0 }
  const weights = initialWeights(buildDenoiser(model, fail).parameters, 0)
  const options = { device: 'cpu', threads: threads ?? 2 }
  const step = { threshold: sampling.threshold, guided }
  const network = await networkOfModel(model, weights, step, timed(onnx, clock), options, fail)
  const process = processOf(model)
  const sampler = new Sampler(process, { sampling, seed: 0 }, network)
  const request = { images: wanted.map((_, image) => image), condition, micros: subject.micros }

  const once = async () => {
    clock.milliseconds = 0
    const started = performance.now()
    // As `mdmc sample` does without a trajectory: it looks at no step.
    await sampler.sample(request, () => undefined)
    const whole = performance.now() - started
    return { whole, beside: whole - clock.milliseconds }
  }
  await once()
  const found: Awaited<ReturnType<typeof once>>[] = []
  for (let run = 0; run < (runs ?? 5); run++) found.push(await once())
  await sampler.dispose()

  const share = median(found.map(({ whole, beside }) => beside / whole))
  const pixels = process.resolutions.reduce(
    (sum, { imageChannels, frames, side }) => sum + elementCount([imageChannels, frames, side, side]),
    0,
  )
  const each = (milliseconds: number) => (milliseconds / sampling.steps).toFixed(3)
  console.log(
    `${model.name} ${method}, ${sampling.steps} steps, batch ${wanted.length}: ${each(median(found.map(({ whole }) => whole)))} ms per step, ` +
      `of which ${each(median(found.map(({ beside }) => beside)))} ms beside the engine: ${(100 * share).toFixed(2)} % ` +
      `(${share <= target ? 'met' : 'missed'}: ${100 * target} %); ${pixels} numbers per image`,
  )
  if (share > target) globalThis.process.exitCode = 1
}

/** The engine with sessions that add the time of their runs to `clock`. */
function timed(engine: Engine, clock: { milliseconds: number }): Engine {
  return {
    ...engine,
    async prepare(graph, weights, options) {
      const session = await engine.prepare(graph, weights, options)
      return {
        async run(inputs) {
          const started = performance.now()
          try {
            return await session.run(inputs)
          } finally {
            clock.milliseconds += performance.now() - started
          }
        },
        dispose: () => session.dispose(),
      }
    },
  }
}

function fail({ message }: { readonly message: string }): never {
  throw new Error(message)
}
