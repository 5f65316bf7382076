import { expect, test } from 'vitest'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { renderDiagnostic } from '../../compiler/diagnostics/render.js'
import { fitWeights } from '../../runtime/weights/fit.js'
import { ruleValues, ruleWeights } from '../../runtime/weights/rule.js'

const parameters = [
  { name: 'conv_in.weight', shape: [4, 3] },
  { name: 'conv_in.bias', shape: [4] },
  { name: 'norm.weight', shape: [4] },
]

/** Fits weights made of names and shapes; gives the names that result, or what the user reads. */
function fit(stored: readonly (readonly [string, readonly number[]])[], expected = parameters) {
  const list = new DiagnosticList()
  const source = ruleWeights(stored.map(([name, shape]) => ({ name, shape })))
  const fitted = fitWeights(source, expected, 'weights.pth', list.report)
  return { fitted, text: list.all.map((it) => renderDiagnostic(it, new Map())).join('\n\n') }
}
const stored = (prefix = '') => parameters.map(({ name, shape }) => [prefix + name, shape] as const)

test('weights that fit, in any order', () => {
  const { fitted, text } = fit(stored().toReversed())
  expect(fitted?.entries.map((entry) => entry.name)).toEqual(parameters.map((it) => it.name))
  expect(text).toBe('')
})

test('one prefix that fits everything is taken off', async () => {
  const { fitted, text } = fit(stored('model.vision_model.'))
  expect(text).toBe('')
  expect(await fitted?.read('norm.weight')).toEqual(ruleValues('model.vision_model.norm.weight', [4]))
})

test('surplus is left out with a warning', () => {
  const { fitted, text } = fit([...stored(), ['steps', []]])
  expect(fitted?.entries).toHaveLength(3)
  expect(text).toMatchInlineSnapshot(`
    "warning MDM0514: 1 parameter of the weights is not in the model: \`steps\`
      weights.pth
      they have no effect on the model
      help: the weights may belong to a larger model: compare its parameters with \`mdmc inspect\`"
  `)
})

test('two prefixes that fit are not certain', () => {
  const { fitted, text } = fit([...stored('model.'), ...stored('ema.')])
  expect(fitted).toBeUndefined()
  expect(text).toMatchInlineSnapshot(`
    "error MDM0516: several groups of tensors fit the model: those under \`model.\`, \`ema.\`
      weights.pth
      which of them are meant is not certain
      help: save the wanted group alone"
  `)
})

test('a plain fit is certain, whatever stands beside it', () => {
  expect(fit([...stored(), ...stored('ema.')]).fitted?.entries).toHaveLength(3)
})

test('everything that does not fit is told at once', () => {
  const { fitted, text } = fit([
    ['conv_in.wieght', [4, 3]],
    ['conv_in.bias', [5]],
    ['norm.weight', [4, 1]],
  ])
  expect(fitted).toBeUndefined()
  expect(text).toMatchInlineSnapshot(`
    "error MDM0513: 1 parameter of the model is missing from the weights: \`conv_in.weight\`
      weights.pth
      every parameter of the model needs a value
      help: for \`conv_in.weight\`, did you mean \`conv_in.wieght\`?

    error MDM0515: 2 parameters of the weights are of another shape than the model's: \`conv_in.bias\` [5] instead of [4], \`norm.weight\` [4, 1] instead of [4]
      weights.pth
      the weights were made for a model with other widths, or with other kinds of layers

    warning MDM0514: 1 parameter of the weights is not in the model: \`conv_in.wieght\`
      weights.pth
      they have no effect on the model
      help: the weights may belong to a larger model: compare its parameters with \`mdmc inspect\`"
  `)
})

test('long lists are cut', () => {
  const many = Array.from({ length: 300 }, (_, i) => ({ name: `block.${i}.weight`, shape: [1] }))
  expect(fit([], many).text).toMatchInlineSnapshot(`
    "error MDM0513: 300 parameters of the model are missing from the weights: \`block.0.weight\`, \`block.1.weight\`, \`block.2.weight\`, \`block.3.weight\`, \`block.4.weight\`, \`block.5.weight\`, \`block.6.weight\`, \`block.7.weight\` and 292 more
      weights.pth
      every parameter of the model needs a value
      help: the weights may belong to another model: compare its parameters with \`mdmc inspect\`"
  `)
})
