/** The types of a module: the shapes and names of its model, for what all modules have in common. */
import { microDefaults } from '../../../compiler/build/denoiser.js'
import { resolutionName } from '../../../compiler/build/nest.js'
import { partsOf, type Model } from '../../../compiler/check/model.js'
import { enclosed, literal } from '../javascript.js'
import { builtInWidth, className, type ModuleParts } from './index_file.js'

/** A property with its documentation. */
interface Field {
  readonly name: string
  readonly type: string
  readonly about: string
}

export function typesFile({ model, trains, hasWeights }: ModuleParts): string {
  const name = className(model)
  const width = builtInWidth(model)
  const images = imageFields(model, '', 'count', 'within -1 and 1').map((field) => ({
    ...field,
    name: literal(field.name),
  }))
  const micros = Array.from(microDefaults(model), ([key, value]) => ({ name: `micro_${key}`, value }))
  const microFields = micros.map((micro) => ({ name: micro.name, type: 'Tensor1D', about: '[batch]' }))
  const last = model.diffusion.steps - 1
  const base = trains ? 'TrainableModel' : 'CompiledModel'
  const declarations = [
    [
      '/**',
      ` * Loads the model: the weights of a safetensors file${hasWeights ? ', or where nothing is given those of weights.safetensors' : '.'}`,
      ` * ${hasWeights ? 'beside this file. ' : ''}Throws an Error that says what does not fit.`,
      ' */',
      `export function load(weights${hasWeights ? '?' : ''}: WeightsAt): Promise<${name}>`,
    ],
    ['export const description: Description'],
    width === undefined
      ? []
      : [
          '/**',
          ` * Prompts as the model takes them: text [prompts, tokens, ${width}] and text_mask [prompts, tokens], 1 for tokens and 0 for`,
          ' * padding. The empty prompt stands for no condition.',
          ' */',
          'export function encodeText(prompts: readonly string[]): { text: Tensor3D; text_mask: Tensor2D }',
        ],
    block('Inputs', [
      ...imageFields(model, 'x_', 'batch', 'the noisy image'),
      { name: 'times', type: 'Tensor1D', about: `[batch]: place in the schedule, from 0 to ${last}` },
      ...conditionFields(model),
      ...microFields,
    ]),
    block('Predictions', imageFields(model, 'pred_', 'batch', `prediction of ${model.diffusion.predict}`)),
    block('Images', images),
    block('SampleRequest extends SampleOptions<keyof Images>', [
      ...requestFields(model),
      ...micros.map((micro) => optional({ ...micro, type: 'number', about: `${micro.value} where it is not given` })),
    ]),
    ...(trains ? [batch(model, microFields), draws(model)] : []),
    enclosed(
      `export class ${name} extends ${base}<`,
      ['Inputs', 'Predictions', 'Images', 'SampleRequest', ...(trains ? ['Batch', 'Draws', 'keyof Images'] : [])],
      '> {}',
    ),
  ]
  const text = declarations.flatMap((lines) => (lines.length > 0 ? [lines.join('\n')] : [])).join('\n\n')
  const used = ['Tensor1D', 'Tensor2D', 'Tensor3D', 'Tensor4D', 'Tensor5D'].filter((type) => text.includes(type))
  return [
    `/** The model ${model.name} for tfjs, compiled by mdmc. */`,
    `import type { ${used.join(', ')} } from '@tensorflow/tfjs-core'`,
    `import { ${base}, type Description, type SampleOptions, type WeightsAt } from './runtime.js'`,
    '',
    text,
    '',
  ].join('\n')
}

/** A property for each resolution. */
function imageFields(model: Model, prefix: string, rows: string, about: string): Field[] {
  return partsOf(model).map((part) => {
    const { imageChannels, frames, side } = part
    const sizes = [rows, imageChannels, ...(frames === 1 ? [] : [frames]), side, side]
    const type = frames === 1 ? 'Tensor4D' : 'Tensor5D'
    return { name: prefix + resolutionName(part), type, about: `[${sizes.join(', ')}]: ${about}` }
  })
}

function conditionFields({ condition }: Model): Field[] {
  if (condition === undefined) return []
  if (condition.kind === 'label') {
    const about = `[batch], int32: number of the class, from 0 to ${condition.classes - 1}; -1 for none`
    return [{ name: 'label', type: 'Tensor1D', about }]
  }
  return [
    { name: 'text', type: 'Tensor3D', about: `[batch, tokens, ${condition.width}]: features of the text encoder` },
    { name: 'text_mask', type: 'Tensor2D', about: '[batch, tokens]: 1 for tokens, 0 for padding' },
  ]
}

function requestFields(model: Model): Field[] {
  const { condition } = model
  if (condition === undefined) return []
  const guidance = { name: 'guidance', type: 'number', about: 'scale of classifier-free guidance; 1 for none' }
  if (condition.kind === 'label') {
    const about = 'number of the class, for all images or for each; -1 for none'
    return [optional({ name: 'label', type: 'number | readonly number[] | Tensor1D', about }), optional(guidance)]
  }
  const shape = `[count or 1, tokens, ${condition.width}]`
  const negative =
    builtInWidth(model) === undefined
      ? 'such as the encoded empty prompt; needed with guidance'
      : 'the empty prompt where it is not given'
  return [
    { name: 'text', type: 'Tensor3D', about: shape },
    { name: 'text_mask', type: 'Tensor2D', about: '[count or 1, tokens]' },
    { name: 'negative_text', type: 'Tensor3D', about: `${shape}: what guidance leads away from, ${negative}` },
    { name: 'negative_text_mask', type: 'Tensor2D', about: '[count or 1, tokens]' },
    guidance,
  ].map(optional)
}

function batch(model: Model, micros: readonly Field[]): string[] {
  const [images] = imageFields(model, '', 'batch', 'within -1 and 1')
  const { condition } = model
  const empty =
    condition?.kind !== 'text' || builtInWidth(model) !== undefined
      ? []
      : [
          {
            name: 'empty_text',
            type: 'Tensor3D',
            about: `[1, tokens, ${condition.width}]: the encoded empty prompt, for examples that are trained without text`,
          },
          { name: 'empty_text_mask', type: 'Tensor2D', about: '[1, tokens]' },
        ]
  return block('Batch', [
    ...(images ? [{ ...images, name: 'images' }] : []),
    ...conditionFields(model),
    ...[...empty, ...micros].map(optional),
  ])
}

function draws(model: Model): string[] {
  const times = {
    name: 'times',
    type: 'Tensor1D',
    about: `[batch], int32: steps from 0 to ${model.diffusion.steps - 1}`,
  }
  return block('Draws', [times, ...imageFields(model, 'noise_', 'batch', 'standard normal noise')].map(optional))
}

function optional(field: Field): Field {
  return { ...field, name: `${field.name}?` }
}

function block(heading: string, fields: readonly Field[]): string[] {
  if (fields.length === 0) return [`export type ${heading.replace(' extends', ' =')}`]
  const lines = fields.flatMap(({ name, type, about }) => [`  /** ${about} */`, `  ${name}: ${type}`])
  return [`export interface ${heading} {`, ...lines, '}']
}
