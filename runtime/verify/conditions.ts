/** The conditions of a case under the names of a graph's inputs. */
import { microDefaults } from '../../compiler/build/denoiser.js'
import type { Model } from '../../compiler/check/model.js'
import type { Graph } from '../../compiler/ir/graph.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import type { Figures } from './figures.js'

const recordedNames: Readonly<Record<string, string>> = {
  text: 'in.lm_outputs',
  text_mask: 'in.lm_mask',
  label: 'in.labels',
}

/** Text, labels and micro-conditions; a micro-condition that is not recorded has its default. */
export async function conditionsOf(
  graph: Graph,
  model: Model,
  figures: Figures,
  rows: number,
): Promise<Record<string, Tensor>> {
  const inputs: Record<string, Tensor> = {}
  for (const { name } of graph.inputs) {
    const recorded = recordedNames[name]
    if (recorded !== undefined) inputs[name] = await figures.tensor(recorded)
    if (!name.startsWith('micro_')) continue
    const standard = microDefaults(model).get(name.slice('micro_'.length)) ?? 0
    const given = figures.has(`in.${name}`)
    inputs[name] = given
      ? await figures.tensor(`in.${name}`)
      : { shape: [rows], data: new Float32Array(rows).fill(standard) }
  }
  return inputs
}
