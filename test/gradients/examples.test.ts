/** The examples train: finite gradients for all that can learn, and the slope that the loss has along them. */
import { describe, expect, it } from 'vitest'
import { onnx } from '../../backends/onnx/engine.js'
import { partsOf } from '../../compiler/check/model.js'
import { elementCount, type Tensor } from '../../compiler/ir/tensor.js'
import { buildTraining, gradientName } from '../../compiler/training.js'
import { filesOf, modelsOf, noReport } from '../shipped.js'
import { inputsFor, StoredWeights, trainedIn } from './support.js'

/** All models but those that another one of the file nests; nests with fewer rows at the higher resolutions. */
const cases = filesOf('examples').flatMap((path) => {
  const models = modelsOf(path)
  const nested = new Set(models.flatMap((model) => partsOf(model).slice(1)).map(({ name }) => name))
  return models
    .filter(({ name }) => !nested.has(name))
    .map((model) => ({ name: model.name, model, mixedBatch: model.inner !== undefined }))
})

function norm(tensor: Tensor | undefined): number {
  let squares = tensor === undefined ? NaN : 0
  tensor?.data.forEach((value) => (squares += value * value))
  return Math.sqrt(squares)
}

/**
 * Every parameter is moved by the same length along its gradient g, so that each has a say, and the loss changes by the
 * sum of all |g| for each unit of length. Steps that change it by 0.5 % are far above what rounding does to it (some
 * 1e-6) and short enough for it to be almost straight; one each way leave an error of the third derivative.
 */
const share = 0.005

describe('the loss has the gradients', () => {
  it.each(cases)('of $name', async ({ model, mixedBatch }) => {
    const graph = buildTraining(model, noReport, { mixedBatch })
    const names = trainedIn(graph)
    expect(names).toEqual(graph.parameters.filter(({ trainable }) => trainable).map(({ name }) => name))

    const weights = new StoredWeights(graph.parameters)
    const session = await onnx.prepare(graph, weights, { device: 'cpu', trains: true })
    const inputs = inputsFor(graph, { batch: mixedBatch ? 2 : 1, tokens: 3, batch_32: 1, batch_t4_16: 1 })
    const outputs = await session.run(inputs)
    const directions = names.map((name) => {
      const gradient = outputs[gradientName(name)]
      const size = elementCount(graph.parameters.find((parameter) => parameter.name === name)?.shape ?? [0])
      expect(gradient?.data.length, name).toBe(size)
      const length = norm(gradient)
      expect(length, name).toBeLessThan(Infinity)
      return { name, length, along: gradient?.data.map((value) => value / (length || 1)) }
    })
    const slope = directions.reduce((sum, { length }) => sum + length, 0)
    const loss = outputs.loss?.data[0] ?? NaN
    const step = (share * loss) / slope

    const stored = new Map(Array.from(weights.arrays, ([name, values]) => [name, Float32Array.from(values)]))
    const lossAt = async (distance: number): Promise<number> => {
      for (const { name, along } of directions) {
        const [before, now] = [stored.get(name) ?? [], weights.arrays.get(name)]
        // A plain loop: there are millions of them.
        if (now) for (let i = 0; i < now.length; i++) now[i] = (before[i] ?? NaN) + distance * (along?.[i] ?? NaN)
      }
      return (await session.run(inputs)).loss?.data[0] ?? NaN
    }
    const change = (await lossAt(step)) - (await lossAt(-step))
    await session.dispose()
    expect(slope).toBeGreaterThan(0)
    expect(Math.abs(change / (2 * step * slope) - 1)).toBeLessThan(1e-2)
  })
})
