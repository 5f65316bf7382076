/** Steps of training against recorded ones: losses, gradients, and the parameters and their averages afterwards. */
import type { Model, Training } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import { buildTraining, gradientName } from '../../compiler/training.js'
import { Optimiser } from '../optimise/optimiser.js'
import { ParameterStore } from '../optimise/store.js'
import { ruleWeights } from '../weights/rule.js'
import { asNumbers, type RecordedCase } from './case.js'
import { asObject } from '../json.js'
import { digestsIn, vanishingIn } from './figures.js'
import { lossInputs } from './loss.js'
import type { Comparison } from './network.js'

/** The recorded steps, beginning with the rule's weights. */
export function trainingSteps(model: Model, recorded: RecordedCase, report: Report): Comparison {
  const graph = buildTraining(model, report)
  const { optimizer, average } = settingsOf(recorded)
  const trained = new Set(graph.outputs.map(({ name }) => name))
  const frozen = ({ name }: { readonly name: string }) => !trained.has(gradientName(name))
  const store = new ParameterStore(graph.parameters, { average, accumulate: 1, frozen })
  const { json } = recorded
  const steps = Array.isArray(json.steps) ? json.steps.map(asObject) : []
  return {
    graph,
    subject: { what: 'training', model, training: { optimizer, average, steps: steps.length } },
    trains: true,
    weights: { read: async (name) => store.values(name) },
    run: async (session, figures) => {
      const vanishing = vanishingIn(json)
      await store.fill(ruleWeights(graph.parameters))
      let outputs: Readonly<Record<string, Tensor>> = {}
      const optimiser = new Optimiser(store, optimizer, { steps: steps.length, rate: undefined })
      for (const [k, step] of steps.entries()) {
        outputs = await session.run(await lossInputs(graph, model, recorded, figures, k))
        figures.compareNumber(`step${k}.loss`, outputs.loss?.data[0], step?.loss)
        if (outputs.losses) await figures.compare(`step${k}.losses`, outputs.losses, `step${k}.losses`)
        figures.compareDigests(
          'gradients',
          digestsIn(step?.gradients),
          vanishing,
          (name) => outputs[gradientName(name)],
        )
        // An engine that takes models has made the step itself.
        const { norm, rate } = outputs.norm
          ? { norm: outputs.norm.data[0], rate: outputs.rate?.data[0] }
          : (optimiser.update((name) => gradientIn(outputs[gradientName(name)])) ?? {})
        figures.compareNumber(`step${k}.grad_norm`, norm, step?.grad_norm)
        figures.compareNumber(`step${k}.lr`, rate, step?.lr)
      }
      const tensor = (data: Float32Array): Tensor => ({ shape: [data.length], data })
      const known = new Set(graph.parameters.map(({ name }) => name))
      // Adam makes whole steps of gradients that are nothing but rounding: such parameters are not compared.
      const compared = (key: string) => new Map([...digestsIn(json[key])].filter(([name]) => !vanishing.has(name)))
      const find = (what: string, of: (name: string) => Float32Array) => (name: string) => {
        if (outputs.norm) return outputs[`${what}.${name}`]
        return known.has(name) ? tensor(of(name)) : undefined
      }
      figures.compareDigests(
        'parameters',
        compared('parameters_after'),
        new Set(),
        find('parameter', (name) => store.values(name)),
      )
      figures.compareDigests(
        'averages',
        compared('ema_after'),
        new Set(),
        find('average', (name) => store.average(name)),
      )
    },
  }
}

function gradientIn(tensor: Tensor | undefined): Float32Array {
  return tensor?.data instanceof Float32Array ? tensor.data : new Float32Array()
}

/** The optimizer as the case has it. */
export function settingsOf({ json }: RecordedCase): { optimizer: Training['optimizer']; average: number } {
  const given = asObject(json.optimizer) ?? {}
  const number = (key: string, otherwise = 0) => (typeof given[key] === 'number' ? given[key] : otherwise)
  const [first = 0.9, second = 0.999] = asNumbers(given.betas)
  return {
    optimizer: {
      kind: given.name === 'adam' ? 'adam' : 'adamw',
      rate: number('lr', 1e-3),
      betas: [first, second],
      epsilon: number('eps', 1e-8),
      weightDecay: number('weight_decay'),
      warmup: number('warmup_steps'),
      decay: 'constant',
      clip: number('clip_norm'),
    },
    average: number('ema_decay'),
  }
}
