/** What the user reads about configurations that cannot be imported, and that every diagnostic occurs. */
import { describe, expect, test } from 'vitest'
import * as catalogue from '../../compiler/diagnostics/import.js'
import { cpuTime } from '../cpu_time.js'
import { around, imported, plain, type Config } from './configurations.js'

const network = (more: Config) => ({ unet_config: { ...plain, ...more } })
const diffusion = (more: Config, sampler_config: Config = { schedule_shifted: true }) => ({
  unet_config: around({ resolution_channels: [32], num_resnets_per_resolution: 1, attention_levels: [] }),
  diffusion_config: { ...more, sampler_config },
})
const text = { conditioning_feature_dim: 24 }
const video = { temporal_mode: true }
const three = { resolution_channels: [32, 32, 32], num_resnets_per_resolution: [1, 1, 1], attention_levels: [] }

/** What is wrong, and the configuration. */
const scenarios: readonly (readonly [string, Config | string])[] = [
  ['not YAML', 'unet_config: [1, 2'],
  ['binary', 'unet_config: \0\x01'],
  ['several documents', 'unet_config: {}\n---\nunet_config: {}'],
  ['an object of Python', 'unet_config: !!python/object:os.system {}'],
  ['an unknown anchor', 'unet_config: *nothing'],
  ['no network', { name: 'x', lr: 1 }],
  ['no mapping', '- 1'],
  ['a misspelt section', { unet_config: plain, difusion_config: {} }],
  ['a misspelt setting', network({ resolution_chanels: [32, 32] })],
  ['a setting of nests in a single network', network({ freeze_inner_unet: true })],
  ['a merge key', 'base: &b {dropout: 0}\nunet_config:\n  resolution_channels: [32]\n  <<: *b'],
  ['a list of other things', network({ resolution_channels: [32, 'many'] })],
  ['a text that is no list', network({ attention_levels: '1,,2' })],
  ['null for yes or no', network({ skip_mid_blocks: null })],
  ['a quoted false', 'unet_config: {resolution_channels: [32], nesting: "false"}'],
  ['octal', 'unet_config: {resolution_channels: [32], temporal_dim: 0128}'],
  ['a huge number', network({ temporal_dim: 1e30 })],
  ['a fraction', network({ num_lm_head_layers: 1.5 })],
  ['a mapping for a number', network({ temporal_dim: {} })],
  ['a number for a section', { unet_config: plain, diffusion_config: 3 }],
  ['an unknown schedule', { unet_config: plain, diffusion_config: { sampler_config: { schedule_type: 'SIGMOID' } } }],
  ['a micro-condition without default', network({ micro_conditioning: 'scale:64, score' })],
  ['a micro-condition with a word of the language', network({ micro_conditioning: 'width:64' })],
  ['a micro-condition twice', network({ micro_conditioning: 'scale:64,scale:32' })],
  ['a scale of zero', network({ micro_conditioning: 'scale:0' })],
  ['a ratio of words', diffusion({ mixed_ratio: 'half' })],
  ['an unknown network', { model: 'dit', unet_config: plain }],
  ['a nest without its inner part', { model: 'nested_unet', unet_config: plain }],
  ['a nest of too many parts', { vision_model: 'nested_unet', unet_config: around(around(plain)) }],
  ['a list of another length', network({ num_resnets_per_resolution: [1, 1, 1] })],
  ['no resolution', network({ resolution_channels: [] })],
  ['a ratio of another length', diffusion({ mixed_ratio: '3:2:1' })],
  ['an unknown text model', { text_model: 'bert', ...network({ conditioning_feature_dim: -1 }) }],
  ['labels without their number', { categorical_conditioning: 1, ...network({}) }],
  [
    'labels with a projection',
    { categorical_conditioning: 1, ...network({ ...text, conditioning_feature_proj_dim: 8 }) },
  ],
  ['labels with layers', { categorical_conditioning: 1, ...network({ ...text, num_lm_head_layers: 1 }) }],
  ['channels in the wrong place', network({ resnet_config: { num_channels: 64 } })],
  ['a single network that nests', network({ nesting: true })],
  ['an inner part that does not', { unet_config: around({ ...plain, nesting: false }) }],
  ['a condition that does not enter', network({ ...text, skip_cond_emb: true })],
  [
    'a projection outside',
    { unet_config: around({ ...plain, ...text }, { ...text, conditioning_feature_proj_dim: 32 }) },
  ],
  [
    'attention outside of projected text',
    {
      unet_config: around(
        { ...plain, ...text, conditioning_feature_proj_dim: 32 },
        { ...text, attention_levels: [1], num_attention_layers: [0, 1] },
      ),
    },
  ],
  ['video without an image inside', network(video)],
  ['video in space alone', { unet_config: around(plain, { temporal_spatial_ds: true }) }],
  [
    'attention over time in space',
    {
      unet_config: around(
        { ...three, ...video, inner_config: plain },
        { ...video, temporal_spatial_ds: true, num_temporal_attention_layers: 1 },
      ),
    },
  ],
  ['frames that form no square', { unet_config: around(plain, video) }],
  ['video around a nest of images', { unet_config: around({ ...around(plain) }, { ...three, ...video }) }],
  ['an image around a video', { unet_config: around({ ...three, ...video, inner_config: plain }) }],
  ['space around an image', { unet_config: around(plain, { ...video, temporal_spatial_ds: true }) }],
  ['an alias that nests a part in itself', 'unet_config: &a\n  resolution_channels: [32]\n  inner_config: *a'],
  ['a signal that is projected again', diffusion({}, { reproject_signal: true, schedule_shifted: true })],
  ['a signal scale in a nest', diffusion({}, { rescale_signal: 2, schedule_shifted: true })],
  ['limited predictions in a nest', diffusion({ model_output_scale: 1 })],
  ['residual predictions', diffusion({ no_use_residual: false })],
  ['weights of losses that do not count', diffusion({ multi_res_weights: '4:1' })],
  ['two choices of frames', diffusion({ random_downsample: true, mid_downsample: true })],
  ['an odd side', { ...network({}), sample_image_size: 33 }],
  ['a side without bounds', { ...network({}), sample_image_size: 1e8 }],
  [
    'more halvings than a side has',
    network({ resolution_channels: new Array<number>(40).fill(32), num_resnets_per_resolution: 1 }),
  ],
  ['two values', 'unet_config:\n  resolution_channels: [32]\n  temporal_dim: 128\n  temporal_dim: 256'],
]

/** What is imported, with a warning. */
const warned: readonly (readonly [string, Config])[] = [
  ['a width other than the text model has', { text_model: 'google/flan-t5-xl', ...network(text) }],
]

describe('refused', () => {
  test.each(scenarios)('%s', (_, config) => {
    const result = imported(config)
    expect(result.text).toBeUndefined()
    expect(result.shown).toMatchSnapshot()
  })
})

describe('imported with a warning', () => {
  test.each(warned)('%s', (_, config) => {
    const result = imported(config)
    expect(result.text).toBeDefined()
    expect(result.shown).toMatchSnapshot()
  })
})

test('every diagnostic about configurations occurs', () => {
  const declared = Object.values(catalogue).map((entry) => {
    // Messages are of no interest here: any parameters do.
    const anything = { known: [], key: '', what: '', problem: '', model: '', expected: '', found: '' }
    return entry({
      ...anything,
      reason: '',
      help: '',
      setting: '',
      given: 0,
      side: 0,
      halvings: 0,
      smallest: 0,
      largest: 0,
      expected: 0,
    } as never).code
  })
  const seen = new Set([...scenarios, ...warned].flatMap(([, config]) => imported(config).codes))
  expect([...seen].sort()).toEqual(declared.sort())
})

test.each([
  ['brackets', '['.repeat(200_000)],
  ['braces', '{a: '.repeat(100_000)],
  ['dashes', '- '.repeat(200_000)],
  ['question marks', '? '.repeat(100_000)],
  ['steps', Array.from({ length: 1000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
  ['keys', Array.from({ length: 40_000 }, (_, i) => `k${i}: 1`).join('\n')],
  ['one key', 'a: 1\n'.repeat(50_000)],
  ['documents', '---\n'.repeat(100_000)],
  ['directives', '%\n'.repeat(100_000)],
  ['anchors', '&a '.repeat(100_000)],
  ['a long file', '#'.repeat(2_000_000)],
  [
    'aliases of aliases',
    [
      'a0: &a0 [x]',
      ...Array.from({ length: 60 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`),
      'unet_config: {resolution_channels: *a60}',
    ].join('\n'),
  ],
])('what would hurt is refused at once: %s', (_, yaml) => {
  const time = cpuTime(() => {
    const result = imported(yaml)
    expect(result.text).toBeUndefined()
    expect(result.codes.length).toBeGreaterThan(0)
  })
  expect(time).toBeLessThan(10_000)
})
