/** The Python class that all models of a nest derive from. */
import type { Model } from '../../compiler/check/model.js'
import type { LevelPlan } from './levels.js'
import { docstring, indented, listed } from './python.js'

/** Micro-conditions of the nest with the value that stands for "not given". */
type Micros = ReadonlyMap<string, number>

/** What the parts have in common. */
export function partClass(model: Model, plan: LevelPlan, keys: Micros): string[] {
  const { context } = plan
  const also = context.map((name) => `, ${name}`).join('')
  const typed = context.map((name) => `${name}: Tensor`)
  const hasLevels = model.network === undefined
  const micros = keys.size > 0
  return [
    'class Part(nn.Module):',
    ...indented([
      ...docstring(hasLevels ? 'A UNet: what the models of a nest have in common.' : 'The embedding of time.'),
      '',
      'temb_layer1: nn.Linear',
      'temb_layer2: nn.Linear',
      ...(micros ? ['cond_layers: nn.ModuleDict', 'micro_defaults: ClassVar[Mapping[str, float]] = {}'] : []),
      ...(hasLevels
        ? ['down_blocks: nn.ModuleList', 'up_blocks: nn.ModuleList', 'norm_out: nn.GroupNorm', 'conv_out: nn.Conv2d']
        : []),
      '',
      ...forward(model, keys),
      '',
      `def embed(self, times: Tensor${micros ? ', micros: Mapping[str, Tensor]' : ''}) -> Tensor:`,
      ...indented([
        `"""Time${micros ? ' and micro-conditions' : ''} as one vector. times: [batch]. Result: [batch, embedding]."""`,
        'width = self.temb_layer1.in_features',
        'emb = self.temb_layer2(F.silu(self.temb_layer1(sinusoids(times, width))))',
        ...(micros
          ? [
              'for key, default in self.micro_defaults.items():',
              '    value = micros[key].float()',
              '    value = (value / default).clamp(max=1) * default if key == "scale" else 1000 * value',
              '    first, second = self.cond_layers[key].children()',
              '    emb = emb + second(F.silu(first(sinusoids(value, width))))',
            ]
          : []),
        'return emb',
      ]),
      ...(hasLevels
        ? [
            '',
            ...listed('def descend(', ['self', 'x: Tensor', ...typed], ') -> list[Tensor]:', 1),
            ...indented([
              '"""Every map that the way up meets again; the last one is what the way down ends with."""',
              'kept = [x]',
              'for level in self.down_blocks:',
              `    kept = kept + level(kept[-1]${also})`,
              'return kept',
            ]),
            '',
            ...listed('def ascend(', ['self', 'x: Tensor', 'kept: list[Tensor]', ...typed], ') -> Tensor:', 1),
            ...indented([
              '"""From the bottom up; each level meets what the way down kept, last kept first."""',
              'for level in self.up_blocks:',
              '    assert isinstance(level, UpLevel)',
              '    count = len(level.resnets)',
              `    x = level(x, kept[-count:]${also})`,
              '    kept = kept[:-count]',
              'return x',
            ]),
            '',
            'def predict(self, x: Tensor) -> Tensor:',
            ...indented([
              '"""The prediction from the last features."""',
              'return self.conv_out(F.silu(self.norm_out(x)))',
            ]),
          ]
        : []),
    ]),
  ]
}

/** What a user calls. */
function forward(model: Model, keys: Micros): string[] {
  const { condition } = model
  const micros = keys.size > 0
  const given = condition?.kind === 'text' ? ['text', 'text_mask'] : condition ? ['label'] : []
  const defaults = [...keys].map(([key, value]) => `"${key}": ${value.toFixed(1)}`).join(', ')
  const about = [
    'Predictions from noisy images, one for each resolution, highest first.',
    '',
    'images: one for each resolution. times: [batch], steps of the diffusion process counted from 0.',
    ...(condition?.kind === 'text'
      ? [`text: [batch, tokens, ${condition.width}]. text_mask: [batch, tokens], 1 for a real token.`]
      : []),
    ...(condition?.kind === 'label' ? [`label: [batch], from 0 to ${condition.classes - 1}; -1 stands for none.`] : []),
    ...(micros ? [`micros: ${[...keys.keys()].join(', ')}, each [batch]; the defaults where they are not given.`] : []),
  ]
  const arguments_ = ['images', 'times', ...(condition ? ['condition'] : []), ...(micros ? ['micros'] : [])]
  const scale = model.diffusion.outputScale
  const limited =
    scale === 0 ? 'predictions' : `[${scale} * torch.tanh(prediction / ${scale}) for prediction in predictions]`
  const signature = [
    'self',
    'images: Sequence[Tensor]',
    'times: Tensor',
    ...given.map((name) => `${name}: Tensor`),
    ...(micros ? ['micros: Mapping[str, Tensor] | None = None'] : []),
  ]
  return [
    ...listed('def forward(', signature, ') -> list[Tensor]:', 1),
    ...indented([
      ...docstring(about.join('\n'), 2),
      ...(condition ? [`condition = self.condition(${given.join(', ')})`] : []),
      `return self.predictions(${[...arguments_].join(', ')})`,
    ]),
    '',
    ...listed(
      'def predictions(',
      [
        'self',
        'images: Sequence[Tensor]',
        'times: Tensor',
        ...(condition ? ['condition: Condition'] : []),
        ...(micros ? ['micros: Mapping[str, Tensor] | None = None'] : []),
      ],
      ') -> list[Tensor]:',
      1,
    ),
    ...indented([
      `"""As forward, ${condition ? 'with the condition worked out before' : 'for loops of sampling'}."""`,
      ...(micros
        ? [
            `defaults = {${defaults}}`,
            'filled = {key: torch.full_like(times, value, dtype=torch.float32) for key, value in defaults.items()}',
            'micros = {**filled, **(micros or {})}',
          ]
        : []),
      `predictions, _ = self.denoise(${arguments_.join(', ')})`,
      `return ${limited}`,
    ]),
    ...(condition
      ? [
          '',
          ...listed('def condition(', ['self', ...given.map((name) => `${name}: Tensor`)], ') -> Condition:', 1),
          ...indented([
            `"""${condition.kind === 'text' ? 'Text' : 'A label'} as the network uses it; the innermost model has the layers."""`,
            'raise NotImplementedError',
          ]),
        ]
      : []),
    '',
    ...listed('def denoise(', denoiseSignature(model, keys), ') -> tuple[list[Tensor], Tensor]:', 1),
    ...indented([
      ...docstring(
        'Predictions, highest resolution first, and the last features.\n\nhanded: features of the model around this one.',
        2,
      ),
      'raise NotImplementedError',
    ]),
  ]
}

/** What `denoise` of every model is given. */
export function denoiseSignature(model: Model, keys: Micros): string[] {
  return [
    'self',
    'images: Sequence[Tensor]',
    'times: Tensor',
    ...(model.condition ? ['condition: Condition'] : []),
    ...(keys.size > 0 ? ['micros: Mapping[str, Tensor]'] : []),
    'handed: Tensor | None = None',
  ]
}
