/** A program as a file of a module. */
import { isSymbolic, type Dimension } from '../../../compiler/ir/dimension.js'
import { dataTypeOf, type Tensor } from '../../../compiler/ir/tensor.js'
import { literal } from '../javascript.js'
import { peaksOf } from '../peak.js'
import type { Program } from '../program.js'
import { typeNames } from '../tensors.js'
import { programText } from '../text.js'

/** The file's text. `about` is what it computes, in a sentence. */
export function programFile(program: Program, about: string, { trains }: { readonly trains: boolean }): string {
  return [
    header(about, trains),
    `import * as tf from '@tensorflow/tfjs-core'`,
    '',
    '/** What run() takes. */',
    `export const inputs = ${inputsText(program)}`,
    '',
    '/** Bytes of the tensors of a run, as sums, of which the largest counts. */',
    `export const peaks = ${peaksText(program)}`,
    '',
    ...(program.constants.length > 0 ? [constantsText(program.constants), ''] : []),
    programText(program) + '\nexport { prepare, run }',
    '',
  ].join('\n')
}

function header(about: string, trains: boolean): string {
  const parameters = trains
    ? [
        '`run(sizes, inputs, stored, parameter)` gives the outputs by name. `parameter(name, shape)` gives a parameter of the',
        'model as a tensor that the program disposes; `stored` is what `prepare()` promised: constants, made once.',
      ]
    : [
        '`prepare(parameter)` promises the weights as the functions below read them, made once; `parameter(name, shape)`',
        'promises a parameter of the model as a tensor that is disposed. `run(sizes, inputs, stored)` gives the outputs by name.',
      ]
  const lines = [
    about,
    '',
    'A function stands for each block of the model, under its path in the names of the parameters; comments name its layers.',
    'Tensors are numbered through the whole file. Inside, images lie channels-last: [batch, height, width, channels].',
    'A function disposes each tensor after the statement that reads it last, those that it is given and the inputs included;',
    "what it returns is disposed by who reads that last, and outputs are the caller's.",
    '',
    ...parameters,
  ]
  return ['/**', ...lines.map((line) => ` * ${line}`.trimEnd()), ' */'].join('\n')
}

function inputsText({ inputs }: Program): string {
  const lines = inputs.map(({ name, type: { dataType, shape } }) => {
    return `  ${literal({ name, dataType: typeNames[dataType], shape: shape.map(plain) }, 2)},`
  })
  return ['[', ...lines, ']'].join('\n')
}

function peaksText(program: Program): string {
  const lines = peaksOf(program).map((bytes) => `  ${literal(bytes.map(plain), 2)},`)
  return ['[', ...lines, ']'].join('\n')
}

function plain(size: Dimension): Dimension {
  return isSymbolic(size) ? { ...size } : size
}

const arrays = { float32: 'Float32Array', int64: 'Int32Array', bool: 'Uint8Array' } as const

function constantsText(constants: readonly Tensor[]): string {
  const lines = constants.map(({ data }) => {
    const numbers = Array.from(data, (value) => shortest(value, data)).join(', ')
    return `  new ${arrays[dataTypeOf(data)]}([${numbers}]),`
  })
  return [
    'const constants = [',
    ...lines,
    ']',
    '',
    'function constant(number, shape, dataType) {',
    '  return tf.tensor(constants[number], shape, dataType)',
    '}',
  ].join('\n')
}

/** The fewest digits that give the same number again. */
function shortest(value: number, data: Tensor['data']): string {
  if (!(data instanceof Float32Array)) return String(value)
  for (let digits = 6; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits))
    if (Math.fround(rounded) === value) return String(rounded)
  }
  return String(Number(value.toPrecision(9)))
}
