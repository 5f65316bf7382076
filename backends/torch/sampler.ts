/** sampler.py: from noise to images, as the section `sample` has it. */
import { microDefaults } from '../../compiler/build/denoiser.js'
import { signalScales } from '../../compiler/build/schedule.js'
import { partsOf, type Model, type Sampling } from '../../compiler/check/model.js'
import { docstring, importLine, indented, listed } from './python.js'
import { advance, clean, limitOf, timesteps } from './solvers.js'

/** `process`: the module of the model's diffusion. */
export function samplerModule(model: Model, classNames: ReadonlyMap<Model, string>, process = 'diffusion'): string {
  const { sampling, diffusion } = model
  const depth = Math.max(
    0,
    partsOf(model).findIndex((part) => part.side === (sampling.until ?? model.side)),
  )
  const parts = partsOf(model).slice(depth)
  const scales = signalScales(model).slice(depth)
  const guided = model.condition !== undefined
  const usesNoise = sampling.method === 'ddpm' || (sampling.method === 'ddim' && sampling.eta > 0)
  const usesPrevious = sampling.method === 'dpm'
  const wholeName = classNames.get(model) ?? model.name
  const path = `model${'.inner_unet'.repeat(depth)}`
  const schedule = depth === 0 ? 'schedules()' : `schedules()[${depth}:]`
  const shapes = parts.map(
    (part) => `(${part.imageChannels}, ${part.frames > 1 ? `${part.frames}, ` : ''}${part.side}, ${part.side})`,
  )
  const scaled = scales.some((scale) => scale !== 1)
  const limit = limitOf(sampling, scaled)
  const sections = [
    [
      ...docstring(`Sampling from ${model.name}: ${about(sampling)}.`, 0),
      '',
      'import math',
      `from collections.abc import Callable, ${microDefaults(model).size > 0 ? 'Mapping, ' : ''}Sequence`,
      'from functools import cache',
      'from typing import NamedTuple',
      '',
      'import torch',
      'from torch import Tensor',
      '',
      `from .${process} import STEPS, schedules`,
      ...importLine('.model', [...(guided ? ['Condition'] : []), wholeName]),
      '',
      `SHAPES = (${shapes.join(', ')}${shapes.length === 1 ? ',' : ''})`,
      '"""Of one image at each resolution, highest first."""',
      ...(scaled
        ? [
            '',
            `SIGNAL_SCALES = (${scales.map((scale) => String(scale)).join(', ')}${scales.length === 1 ? ',' : ''})`,
            '"""What the signal of each resolution was divided by."""',
          ]
        : []),
    ],
    timesteps(sampling, schedule),
    [
      'class Step(NamedTuple):',
      ...indented([
        ...docstring(
          'A step from one noise level to the next, at each resolution: gamma = alpha^2 before and after it.',
        ),
        '',
        'time: int',
        '"""What the network sees."""',
        'gammas: list[float]',
        'next_gammas: list[float]',
        ...(usesPrevious
          ? ['previous_gammas: list[float] | None', '"""Of the step before; None in the first one."""']
          : []),
      ]),
    ],
    [
      '@cache',
      `def plan(steps: int = ${sampling.steps}) -> list[Step]:`,
      ...indented([
        '"""The steps from noise to image."""',
        `tables = [gamma.tolist() for gamma in ${schedule}]`,
        'places = timesteps(steps)',
        'at = [[gamma[place] for gamma in tables] for place in places]',
        usesPrevious
          ? 'return [Step(places[k] - 1, at[k], at[k + 1], at[k - 1] if k > 0 else None) for k in range(steps)]'
          : 'return [Step(places[k] - 1, at[k], at[k + 1]) for k in range(steps)]',
      ]),
    ],
    clean(diffusion.predict),
    ...(limit ? [limit] : []),
    advance(sampling),
    [
      ...listed(
        'def take(',
        [
          'step: Step',
          'images: Sequence[Tensor]',
          'predictions: Sequence[Tensor]',
          ...(usesNoise ? ['noise: Sequence[Tensor]'] : []),
          ...(usesPrevious ? ['previous: Sequence[Tensor]'] : []),
        ],
        ') -> tuple[list[Tensor], list[Tensor]]:',
        0,
      ),
      ...indented([
        ...docstring(
          `The next images and the clean images that they aim at, highest resolution first.${usesPrevious ? ' previous: the clean images of\nthe step before.' : ''}`,
        ),
        'following, aims = [], []',
        'for r, (x, prediction) in enumerate(zip(images, predictions)):',
        ...indented([
          'gamma, after = step.gammas[r], step.next_gammas[r]',
          `x0 = clean(x, prediction.float(), gamma)`,
          ...(limit ? [`x0 = limited(x0${scaled ? ', SIGNAL_SCALES[r]' : ''})`] : []),
          'aims.append(x0)',
          ...(usesPrevious
            ? [
                'before = None if step.previous_gammas is None else step.previous_gammas[r]',
                'following.append(advance(x, x0, previous[r], gamma, after, before))',
              ]
            : [`following.append(advance(x, x0, ${usesNoise ? 'noise[r], ' : ''}gamma, after))`]),
        ]),
        'return following, aims',
      ]),
    ],
    ...(guided ? [guide(path, classNames.get(model) ?? model.name, microDefaults(model).size > 0)] : []),
    sample(model, { guided, usesNoise, usesPrevious, scaled, wholeName, path }),
  ]
  return sections.map((lines) => lines.join('\n')).join('\n\n\n') + '\n'
}

function about({ method, steps, guidance, threshold, spacing }: Sampling): string {
  const names = { ddpm: 'DDPM', ddim: 'DDIM', dpm: 'DPM-Solver++ (2M)' }
  const limits = threshold.kind === 'none' ? 'x0 without limits' : `${threshold.kind} threshold`
  return `${names[method]}, ${steps} steps${guidance === 1 ? '' : `, guidance ${guidance}`}, ${limits}, ${spacing.replace('_', '-')} spacing`
}

const micro = 'micros: Mapping[str, Tensor] | None = None'

/** The network with guidance. */
function guide(path: string, name: string, micros: boolean): string[] {
  const more = micros ? ', micros' : ''
  return [
    ...listed(
      'def predict(',
      [
        `model: ${name}`,
        'images: Sequence[Tensor]',
        'times: Tensor',
        'condition: Condition',
        'guidance: float',
        ...(micros ? [micro] : []),
      ],
      ') -> list[Tensor]:',
      0,
    ),
    ...indented([
      ...docstring(
        `Predictions, extrapolated from unconditional to conditional ones (Ho & Salimans 2022, eq. 6, with w counted from 1).\n\ncondition${micros ? ', micros' : ''}: of twice as many rows where guidance is not 1, unconditional ones first.`,
      ),
      'if guidance == 1:',
      `    return ${path}.predictions(images, times, condition${more})`,
      `both = ${path}.predictions([torch.cat((x, x)) for x in images], times.repeat(2), condition${more})`,
      'halves = [prediction.chunk(2) for prediction in both]',
      'return [without + guidance * (within - without) for without, within in halves]',
    ]),
  ]
}

interface Facts {
  readonly guided: boolean
  readonly usesNoise: boolean
  readonly usesPrevious: boolean
  readonly scaled: boolean
  readonly wholeName: string
  readonly path: string
}

function sample(model: Model, { guided, usesNoise, usesPrevious, scaled, wholeName, path }: Facts): string[] {
  const { sampling } = model
  const micros = microDefaults(model).size > 0
  return [
    '@torch.no_grad()',
    ...listed(
      'def sample(',
      [
        `model: ${wholeName}`,
        'batch: int',
        ...(guided ? ['condition: Condition', 'unconditional: Condition | None = None'] : []),
        '*',
        `steps: int = ${sampling.steps}`,
        ...(guided ? [`guidance: float = ${sampling.guidance}`] : []),
        ...(micros ? [micro] : []),
        'generator: torch.Generator | None = None',
        'on_step: Callable[[int, list[Tensor]], None] | None = None',
      ],
      ') -> list[Tensor]:',
      0,
    ),
    ...indented([
      ...docstring(
        [
          'Images from noise, one batch for each resolution, highest first, from -1 to 1.',
          '',
          ...(guided
            ? [
                `condition: of \`model.condition\`, worked out once. unconditional: the same of the empty prompt${model.condition?.kind === 'label' ? ' (the label -1)' : ''}, of as many rows;`,
                'needed where guidance is not 1: unconditional + guidance (conditional - unconditional) (Ho & Salimans 2022).',
              ]
            : []),
          'on_step: called after each step with its number and the clean images that it aims at.' +
            (micros ? ' micros: each [batch]; the defaults where not given.' : ''),
        ].join('\n'),
      ),
      `device = next(model.parameters()).device`,
      '',
      'def draw() -> list[Tensor]:',
      '    return [torch.randn((batch, *shape), generator=generator, device=device) for shape in SHAPES]',
      '',
      'images = draw()',
      ...(usesPrevious ? ['aims = images'] : []),
      ...(guided
        ? [
            'if guidance != 1:',
            '    if unconditional is None:',
            '        raise ValueError("guidance needs the unconditional condition")',
            '    condition = Condition(*(torch.cat(pair) for pair in zip(unconditional, condition)))',
            ...(micros ? ['    micros = {key: value.repeat(2) for key, value in (micros or {}).items()}'] : []),
          ]
        : []),
      'for k, step in enumerate(plan(steps)):',
      ...indented([
        'times = torch.full((batch,), float(step.time), device=device)',
        ...(guided
          ? [`predictions = predict(model, images, times, condition, guidance${micros ? ', micros' : ''})`]
          : [`predictions = ${path}.predictions(images, times${micros ? ', micros' : ''})`]),
        `images, aims = take(step, images, predictions${usesNoise ? ', draw()' : ''}${usesPrevious ? ', aims' : ''})`,
        'if on_step is not None:',
        '    on_step(k, aims)',
      ]),
      scaled
        ? 'return [(x * scale).clamp(-1, 1) for x, scale in zip(images, SIGNAL_SCALES)]'
        : 'return [x.clamp(-1, 1) for x in images]',
    ]),
  ]
}
