/** The types of a module, with the documentation that its user reads. */
import { microDefaults } from '../../../compiler/build/denoiser.js'
import { resolutionName } from '../../../compiler/build/nest.js'
import { partsOf, type Model } from '../../../compiler/check/model.js'
import { builtInWidth, className, type ModuleParts } from './index_file.js'

/** A property with its documentation. */
interface Field {
  readonly name: string
  readonly type: string
  readonly about: string
  readonly optional?: boolean
}

export function typesFile({ model, trains, hasWeights }: ModuleParts): string {
  const name = className(model)
  const width = builtInWidth(model)
  const parts = partsOf(model)
  const text = model.condition?.kind === 'text'
  const image = (part: Model) => {
    const sizes = ['batch', part.imageChannels, ...(part.frames === 1 ? [] : [part.frames]), part.side, part.side]
    return { type: part.frames === 1 ? 'Tensor4D' : 'Tensor5D', shape: `[${sizes.join(', ')}]` }
  }
  const images = (prefix: string, about: string): Field[] =>
    parts.map((part) => ({
      name: prefix + resolutionName(part),
      type: image(part).type,
      about: `${image(part).shape}: ${about}`,
    }))
  const condition = conditionFields(model)
  const micros = Array.from(microDefaults(model), ([key, value]) => ({ key, value }))
  const [highest = model] = parts
  return [
    `/** The model ${model.name} on the backend that tfjs has set (tf.setBackend). */`,
    `import type { ${imported(model, width)} } from '@tensorflow/tfjs-core'`,
    '',
    doc(
      hasWeights
        ? 'Loads the model: weights of a safetensors file, given by its address (in Node also a path) or its bytes; weights.safetensors beside this module where nothing is given. Throws an Error that says what does not fit.'
        : 'Loads the model: weights of a safetensors file, given by its address (in Node also a path) or its bytes. Throws an Error that says what does not fit.',
    ),
    `export function load(weights${hasWeights ? '?' : ''}: string | URL | ArrayBuffer | Uint8Array): Promise<${name}>`,
    '',
    doc(
      'What the model is, as its spec says: resolutions from the highest on, condition, diffusion process, and the settings of sampling and training.',
    ),
    'export const description: {',
    '  readonly name: string',
    '  readonly specHash: string',
    '  readonly resolutions: readonly { readonly name: string; readonly side: number; readonly frames: number; readonly channels: number }[]',
    '  readonly condition: Readonly<Record<string, unknown>> | null',
    '  readonly micros: Readonly<Record<string, number>>',
    '  readonly diffusion: Readonly<Record<string, unknown>> & { readonly steps: number }',
    "  readonly sampling: Readonly<Record<string, unknown>> & { readonly method: 'ddpm' | 'ddim' | 'dpm'; readonly steps: number; readonly guidance: number }",
    '  readonly training: TrainingSettings | null',
    '}',
    '',
    'export interface TrainingSettings {',
    "  readonly optimizer: { readonly kind: 'adamw' | 'adam'; readonly rate: number; readonly betas: readonly [number, number]; readonly epsilon: number; readonly weightDecay: number; readonly warmup: number; readonly decay: 'constant' | 'cosine'; readonly clip: number }",
    '  /** Decay of the moving average of the weights; 0: there is none. */',
    '  readonly average: number',
    '  readonly accumulate: number',
    '  readonly conditionDropout: number',
    '  readonly seed: number',
    '  /** The phase that trains this model; null where the spec does not say. */',
    '  readonly phase: { readonly number: number; readonly steps: number | null; readonly batch: number | null; readonly rate: number; readonly mix: readonly number[] }',
    '}',
    ...(width === undefined
      ? []
      : [
          '',
          doc(
            `Prompts as the model takes them: text [prompts, tokens, ${width}] and text_mask [prompts, tokens], 1 for tokens and 0 for padding. The empty prompt stands for no condition. The tensors are the caller's.`,
          ),
          'export function encodeText(prompts: readonly string[]): { text: Tensor3D; text_mask: Tensor2D }',
        ]),
    '',
    block('Inputs', [
      ...images('x_', 'the noisy image'),
      {
        name: 'times',
        type: 'Tensor1D',
        about: `[batch]: place in the schedule, from 0 to ${model.diffusion.steps - 1}`,
      },
      ...condition,
      ...micros.map(({ key }): Field => ({
        name: `micro_${key}`,
        type: 'Tensor1D',
        about: '[batch]: micro-condition',
      })),
    ]),
    '',
    block('Predictions', images('pred_', `prediction of ${model.diffusion.predict}`)),
    '',
    block(
      'Images',
      parts.map((part) => ({
        name: `'${resolutionName(part)}'`,
        type: image(part).type,
        about: `${image(part).shape.replace('batch', 'count')}, within -1 and 1`,
      })),
    ),
    '',
    ...(trains ? [training(model, condition, micros, image(highest)), ''] : []),
    request(model, text, micros),
    '',
    doc(
      "Inputs stay the caller's, results are the caller's. Calls are carried out one after the other, so that one must not be waited for within onStep.",
    ),
    `export class ${name} {`,
    '  /** The network alone. `which`: the weights (default) or, after training, their moving average. */',
    "  predict(inputs: Inputs, options?: { which?: 'weights' | 'average' }): Promise<Predictions>",
    ...(trains
      ? [
          '  /** The loss without an update; what is drawn for it is the same each time, unless another seed is given. */',
          '  loss(batch: Batch, options?: LossOptions): Promise<Losses>',
          '  /** One step of training, with the optimiser of the section `train`; afterwards predict, loss and sample use the new weights. */',
          '  trainStep(batch: Batch, options?: StepOptions): Promise<StepResult>',
        ]
      : []),
    '  /** Samples images, at all resolutions. The same seed gives the same images as `mdmc sample`. */',
    '  sample(request?: SampleRequest): Promise<Images>',
    '  /** The weights as a safetensors file, which load() and `mdmc --weights` take. `average`: their moving average. */',
    "  save(which?: 'weights' | 'average'): Promise<Uint8Array>",
    '  /** Frees all tensors of the model; it must not be used afterwards. */',
    '  dispose(): void',
    '}',
    '',
  ].join('\n')
}

function imported(model: Model, width: number | undefined): string {
  const videos = partsOf(model).map(({ frames }) => frames > 1)
  const names = [
    'Tensor1D',
    ...(model.condition?.kind === 'text' || width !== undefined ? ['Tensor2D', 'Tensor3D'] : []),
    ...(videos.includes(false) ? ['Tensor4D'] : []),
    ...(videos.includes(true) ? ['Tensor5D'] : []),
  ]
  return names.join(', ')
}

function conditionFields({ condition }: Model): Field[] {
  if (condition?.kind === 'label')
    return [
      {
        name: 'label',
        type: 'Tensor1D',
        about: `[batch], int32: number of the class, from 0 to ${condition.classes - 1}; -1 for none`,
      },
    ]
  if (condition?.kind !== 'text') return []
  return [
    { name: 'text', type: 'Tensor3D', about: `[batch, tokens, ${condition.width}]: features of the text encoder` },
    { name: 'text_mask', type: 'Tensor2D', about: '[batch, tokens]: 1 for tokens, 0 for padding' },
  ]
}

interface Micro {
  readonly key: string
  readonly value: number
}

function training(
  model: Model,
  condition: readonly Field[],
  micros: readonly Micro[],
  image: { type: string; shape: string },
): string {
  const parts = partsOf(model)
  const empty: Field[] =
    model.condition?.kind !== 'text' || builtInWidth(model) !== undefined
      ? []
      : [
          {
            name: 'empty_text',
            type: 'Tensor3D',
            about: `[1, tokens, ${model.condition.width}]: the encoded empty prompt, which takes the place of dropped conditions`,
            optional: true,
          },
          { name: 'empty_text_mask', type: 'Tensor2D', about: '[1, tokens]', optional: true },
        ]
  const draws: Field[] = [
    {
      name: 'times',
      type: 'Tensor1D',
      about: `[batch], int32: steps of the process, from 0 to ${model.diffusion.steps - 1}`,
      optional: true,
    },
    ...parts.map((part): Field => ({
      name: `noise_${resolutionName(part)}`,
      type: part.frames === 1 ? 'Tensor4D' : 'Tensor5D',
      about: 'standard normal noise, as the image',
      optional: true,
    })),
  ]
  return [
    block('Batch', [
      { name: 'images', type: image.type, about: `${image.shape}, within -1 and 1` },
      ...condition,
      ...empty,
      ...micros.map(({ key, value }): Field => ({
        name: `micro_${key}`,
        type: 'Tensor1D',
        about: `[batch]; ${value} where it is not given`,
        optional: true,
      })),
    ]),
    '',
    doc("What is drawn comes from the seed and the step's number, as in `mdmc train`, unless it is given."),
    block('LossOptions', [
      {
        name: 'seed',
        type: 'number',
        about: 'a whole number from 0 on; that of the section `train` where it is not given',
        optional: true,
      },
      ...draws,
    ]),
    '',
    block('StepOptions extends LossOptions', [
      {
        name: 'rate',
        type: 'number',
        about: 'learning rate of this step, instead of that of the section `train`',
        optional: true,
      },
      {
        name: 'dropped',
        type: 'readonly boolean[]',
        about: 'which examples are trained without their condition',
        optional: true,
      },
    ]),
    '',
    block('Losses', [
      { name: 'loss', type: 'number', about: 'mean over the batch, of the weighted sum over resolutions' },
      {
        name: 'losses',
        type: `{ ${parts.map((part) => `'${resolutionName(part)}': number`).join('; ')} }`,
        about: 'mean of each resolution',
      },
    ]),
    '',
    block('StepResult extends Losses', [
      { name: 'norm', type: 'number', about: 'L2 norm of the gradient, before it is limited' },
      { name: 'rate', type: 'number', about: 'learning rate' },
      { name: 'skipped', type: 'boolean', about: 'whether nothing was changed, since the gradient was not finite' },
      { name: 'clipped', type: 'boolean', about: 'whether the gradient was scaled down to the largest norm' },
      { name: 'step', type: 'number', about: 'steps taken, this one included' },
    ]),
  ].join('\n')
}

function request(model: Model, text: boolean, micros: readonly Micro[]): string {
  const { sampling } = model
  const resolutions = partsOf(model).map((part) => `'${resolutionName(part)}'`)
  const standard = (value: string | number) => `; ${value} where it is not given`
  const width = builtInWidth(model)
  const fields: Omit<Field, 'optional'>[] = [
    {
      name: 'count',
      type: 'number',
      about: 'how many images; as many as the condition has rows where it is not given',
    },
    ...(text
      ? [
          { name: 'text', type: 'Tensor3D', about: '[count or 1, tokens, width]' },
          { name: 'text_mask', type: 'Tensor2D', about: '[count or 1, tokens]' },
          {
            name: 'negative_text',
            type: 'Tensor3D',
            about: `[count or 1, tokens, width]: what guidance leads away from${width === undefined ? ', such as the encoded empty prompt; needed with guidance' : '; the empty prompt where it is not given'}`,
          },
          { name: 'negative_text_mask', type: 'Tensor2D', about: '[count or 1, tokens]' },
        ]
      : []),
    ...(model.condition?.kind === 'label'
      ? [
          {
            name: 'label',
            type: 'number | readonly number[] | Tensor1D',
            about: 'number of the class, for all images or each; -1 for none',
          },
        ]
      : []),
    { name: 'seed', type: 'number', about: `a whole number from 0 on${standard(sampling.seed ?? 0)}` },
    { name: 'steps', type: 'number', about: `from 1 to ${model.diffusion.steps}${standard(sampling.steps)}` },
    ...(model.condition
      ? [
          {
            name: 'guidance',
            type: 'number',
            about: `scale of classifier-free guidance, 1 for none${standard(sampling.guidance)}`,
          },
        ]
      : []),
    { name: 'method', type: "'ddpm' | 'ddim' | 'dpm'", about: `the solver${standard(sampling.method)}` },
    { name: 'spacing', type: "'even' | 'quadratic' | 'log_snr'", about: 'how steps are chosen' },
    { name: 'eta', type: 'number', about: 'with ddim: share of the noise that is added' },
    {
      name: 'noise',
      type: `{ ${resolutions.map((name) => `${name}: Tensor4D | Tensor5D | Float32Array`).join('; ')} }`.replaceAll(
        partsOf(model).every(({ frames }) => frames === 1) ? ' | Tensor5D' : '\0',
        '',
      ),
      about: 'standard normal noise to begin with, instead of that of the seed',
    },
    {
      name: 'onStep',
      type: `(step: { number: number; of: number; clean: { ${resolutions.map((name) => `${name}: Float32Array`).join('; ')} } }) => void | Promise<void>`,
      about: 'called after each step, counted from 0, with the images as they would be if it were the last; waited for',
    },
    { name: 'signal', type: 'AbortSignal', about: 'ends sampling early: sample() rejects with its reason' },
    {
      name: 'which',
      type: "'weights' | 'average'",
      about: 'the weights (default) or, after training, their moving average',
    },
    ...micros.map(({ key, value }) => ({
      name: `micro_${key}`,
      type: 'number',
      about: `micro-condition${standard(value)}`,
    })),
  ]
  return block(
    'SampleRequest',
    fields.map((field) => ({ ...field, optional: true })),
  )
}

function block(heading: string, fields: readonly Field[]): string {
  const lines = fields.flatMap(({ name, type, about, optional }) => [
    `  /** ${about} */`,
    `  ${name}${optional ? '?' : ''}: ${type}`,
  ])
  return [`export interface ${heading} {`, ...lines, '}'].join('\n')
}

/** A comment, wrapped. */
function doc(text: string): string {
  const lines = ['']
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? ''
    if (last.length + word.length + 4 > 118) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines.length === 1
    ? `/** ${lines.join('')} */`
    : ['/**', ...lines.map((line) => ` * ${line}`), ' */'].join('\n')
}
