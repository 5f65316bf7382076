/** The files of a module that its user imports. */
import type { Model } from '../../../compiler/check/model.js'
import type { Parameter } from '../../../compiler/ir/parameter.js'
import { literal } from '../javascript.js'
import { identifier, Names } from '../names.js'

/** What a module offers beside `predict` and `sample`. */
export interface ModuleParts {
  readonly model: Model
  /** What index.js exports as `description`. */
  readonly description: object
  readonly hasCondition: boolean
  readonly hasGuidance: boolean
  readonly trains: boolean
  readonly hasWeights: boolean
}

/** What index.js and index.d.ts call their own. */
const taken =
  'CompiledModel TrainableModel hashTextEncoder readWeights condition network solver guided parameters description load ' +
  'encodeText programs weights Description SampleOptions WeightsAt Inputs Predictions Images SampleRequest Batch Draws'

/** The class of a model: its name, or one like it. */
export function className({ name }: Model): string {
  const names = new Names()
  for (const other of taken.split(' ')) names.unused(other)
  return names.unused(identifier(name))
}

/** Features per token where the model's prompts are encoded by what is built in. */
export function builtInWidth({ condition }: Model): number | undefined {
  return condition?.kind === 'text' && condition.encoder === 'hash' ? condition.width : undefined
}

export function indexFile({ model, description, hasCondition, hasGuidance, trains, hasWeights }: ModuleParts): string {
  const name = className(model)
  const width = builtInWidth(model)
  const base = trains ? 'TrainableModel' : 'CompiledModel'
  const imports = [
    `import { ${base}, ${width === undefined ? '' : 'hashTextEncoder, '}readWeights } from './runtime.js'`,
    ...(hasCondition ? [`import * as condition from './condition.js'`] : []),
    `import * as network from './network.js'`,
    `import * as solver from './solver.js'`,
    ...(hasGuidance ? [`import * as guided from './guided_solver.js'`] : []),
    `import { parameters } from './parameters.js'`,
  ]
  const programs = [
    'network',
    ...(hasCondition ? ['condition'] : []),
    'solver',
    ...(hasGuidance ? ['guided'] : []),
    ...(trains ? [`loss: () => import('./loss.js')`, `training: () => import('./training.js')`] : []),
  ]
  const load = hasWeights
    ? [`export async function load(weights = new URL('weights.safetensors', import.meta.url)) {`]
    : [
        'export async function load(weights) {',
        `  if (weights === undefined) throw new Error('${model.name} was compiled without weights: give load() their address or bytes')`,
      ]
  return [
    `/** The model ${model.name}. What is exported is described in index.d.ts. */`,
    ...imports,
    '',
    `export const description = ${literal(description)}`,
    '',
    `export class ${name} extends ${base} {}`,
    '',
    'const programs = {',
    ...programs.map((program) => `  ${program},`),
    '}',
    '',
    ...load,
    `  return new ${name}(description, parameters, programs, await readWeights(weights, parameters))`,
    '}',
    ...(width === undefined ? [] : ['', `export const encodeText = hashTextEncoder(${width})`]),
    '',
  ].join('\n')
}

/** All parameters in the published order, and whether each is trained. */
export function parametersFile(parameters: readonly Parameter[], trained: ReadonlySet<string>): string {
  const lines = parameters.map(({ name, shape }) => `  ${literal([name, shape, trained.has(name)], 2)},`)
  return [
    '/** Name and shape of each parameter, and whether training changes it. */',
    'export const parameters = [',
    ...lines,
    ']',
    '',
  ].join('\n')
}

export function packageFile(model: Model, version: string): string {
  const contents = {
    name: className(model).toLowerCase().replace(/^_+/, ''),
    version,
    description: `The diffusion model ${model.name} for tfjs`,
    type: 'module',
    exports: { '.': { types: './index.d.ts', default: './index.js' } },
    peerDependencies: { '@tensorflow/tfjs-core': '^4.22.0' },
  }
  return JSON.stringify(contents, undefined, 2) + '\n'
}
