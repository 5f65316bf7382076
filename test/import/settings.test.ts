/** What each setting of a configuration becomes. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { format } from '../../compiler/syntax/format.js'
import { around, checked, good, imported, plain, type Config } from './configurations.js'

const folder = 'test/fixtures/reference'
const cases = 'test/fixtures/conformance'

test.each(readdirSync(folder))('%s becomes a short file', (name) => {
  expect(good(readFileSync(`${folder}/${name}`, 'utf8'))).toMatchSnapshot()
})

const recorded = [
  ...readdirSync(`${cases}/full`).map((name) => `full/${name}`),
  ...readdirSync(cases).filter((name) => !name.includes('.') && !['full', 'schedules'].includes(name)),
]

test.each(recorded)('a whole case is a configuration too, and is laid out as fmt does: %s', (name) => {
  const text = good(readFileSync(`${cases}/${name}/case.json`, 'utf8'))
  expect(format('net.mdm', text)).toEqual({ text, diagnostics: [] })
})

/** The line of the result that says something, or nothing. */
function line(config: Config, word: string): string | undefined {
  return good(config)
    .split('\n')
    .find((found) => new RegExp(`^ *${word}\\b`).test(found))
    ?.trim()
}

const network = (more: Config) => ({ unet_config: { ...plain, ...more } })
const process = (sampler_config: Config, more: Config = {}, unet: Config = plain) => ({
  unet_config: unet,
  diffusion_config: { ...more, sampler_config },
})
const nested = (more: Config) => process({ schedule_shifted: true }, { use_double_loss: true, ...more }, around(plain))

describe('lists', () => {
  const levels = (more: Config) => good(network(more)).match(/level .*/g)
  const three = { resolution_channels: '32,64,64', num_resnets_per_resolution: '1,2,1' }

  test('as text with commas', () => {
    expect(levels({ ...three, attention_levels: '1,2', num_attention_layers: '0,1,2' })).toEqual([
      'level 64 { channels 32  blocks 1 }',
      'level 32 { channels 64  blocks 2  attention 1 }',
      'level 16 { channels 64  blocks 1  attention 2 }',
    ])
  })

  test('one number stands for all resolutions', () => {
    expect(levels({ ...three, num_resnets_per_resolution: '3' })).toEqual(
      levels({ ...three, num_resnets_per_resolution: 3 }),
    )
    expect(levels({ ...three, num_resnets_per_resolution: 3 })?.[2]).toBe('level 16 { channels 64  blocks 3 }')
  })

  test('what is left out has the defaults of the reference', () => {
    expect(good('unet_config: {}').match(/level .*/g)).toEqual([
      'level 64 { channels 128  blocks 2 }',
      'level 32 { channels 256  blocks 2 }',
      'level 16 { channels 256  blocks 2  attention 1 }',
      'level 8 { channels 512  blocks 2  attention 1 }',
      'level 4 { channels 1024  blocks 2 }',
    ])
  })

  test('empty text means no level', () => {
    expect(levels({ attention_levels: '' })?.join()).not.toContain('attention')
  })
})

describe('condition', () => {
  const text = { conditioning_feature_dim: -1 }

  test.each([
    ['google/flan-t5-xl', 2048],
    ['google/t5-v1_1-xxl', 4096],
    ['t5-11b', 1024],
  ])('%s has %d features', (text_model, width) => {
    expect(line({ text_model, ...network(text) }, 'condition')).toBe(`condition text { width ${width} }`)
  })

  test('-1 without a text model is no condition', () => {
    expect(line(network(text), 'condition')).toBeUndefined()
  })

  test('projection, layers and mask', () => {
    const more = { conditioning_feature_proj_dim: 32, num_lm_head_layers: 2, masked_cross_attention: 0 }
    expect(line(network({ conditioning_feature_dim: 24, ...more }), 'condition')).toBe(
      'condition text { width 24  project 32  layers 2  masked no }',
    )
  })

  test('labels', () => {
    const label = { categorical_conditioning: 1, text_model: 'any', ...network({ conditioning_feature_dim: 10 }) }
    expect(line(label, 'condition')).toBe('condition label { classes 10  cross_attention yes }')
  })

  test('layers of an outer part, which nothing reads', () => {
    const unet_config = around(
      { ...plain, conditioning_feature_dim: 24 },
      { conditioning_feature_dim: 24, skip_cond_emb: false },
    )
    expect(line({ unet_config }, 'own_condition')).toBe('own_condition { width 24 }')
  })

  test('micro-conditions', () => {
    const text = good(network({ micro_conditioning: 'scale:64,watermark_score:0,aesthetic:-1.5e-3' }))
    expect(text.match(/micro .*/g)).toEqual(['micro scale 64', 'micro watermark_score 0', 'micro aesthetic -0.0015'])
  })
})

describe('parts', () => {
  test.each([
    [{ temporal_dim: 256 }, 'embedding', 'embedding 256'],
    [{ resnet_config: { num_groups_norm: 8 } }, 'groups', 'groups 8'],
    [{ resnet_config: { dropout: 0.1 } }, 'dropout', 'dropout 0.1'],
    [{ resnet_config: { use_attention_ffn: false } }, 'feed_forward', 'feed_forward no'],
    [{ resnet_config: { use_attention_ffn: true } }, 'feed_forward', undefined],
    [{ skip_mid_blocks: true }, 'middle', undefined],
    [{ skip_mid_blocks: 'no' }, 'middle', 'middle { attention 1 }'],
  ])('%o', (setting, word, expected) => {
    const yaml = `unet_config: ${JSON.stringify({ ...plain, ...setting }).replace('"no"', 'no')}`
    const found = new RegExp(`^  ${word}\\b.*`, 'm').exec(good(yaml))?.[0]
    expect(found?.trim()).toBe(expected)
  })

  test('a nest skips middle and condition layers by default, its innermost part does not', () => {
    const text = good({
      unet_config: around({ ...plain, conditioning_feature_dim: 24 }, { conditioning_feature_dim: 24 }),
    })
    expect(text).toMatchInlineSnapshot(`
      "// The file says nothing of diffusion, so that the schedule and the loss of the paper stand.

      model net_64 {
        condition text { width 24 }
        feed_forward no

        level 64 { channels 32  blocks 1 }
        level 32 { channels 64  blocks 1 }
        middle { attention 1 }
      }

      model net nests net_64 {
        normalize yes

        level 128 { channels 32  blocks 1 }
        level 64 { channels 64  blocks 1 }
      }
      "
    `)
  })

  test('normalisation, by place in the nest', () => {
    const three = (outer: boolean, middle: boolean) =>
      good({
        unet_config: around(around(plain, { skip_normalization: middle }), { skip_normalization: outer }),
      }).match(/model \w+|normalize \w+/g)
    expect(three(true, false)).toEqual(['model net_64', 'model net_128', 'model net'])
    expect(three(false, true)).toEqual(['model net_64', 'model net_128', 'normalize no', 'model net', 'normalize yes'])
  })

  test('what is handed to the inner model', () => {
    const more = { skip_inner_unet_input: true, freeze_inner_unet: 1, initialize_inner_with_pretrained: 'a "b"\\c.pth' }
    expect(line({ unet_config: around(plain, more) }, 'inner')).toBe(
      'inner { features no  frozen yes  pretrained "a \\"b\\"\\\\c.pth" }',
    )
  })

  test('attention over one frame, and rotary positions', () => {
    const text = good(network({ num_temporal_attention_layers: '1', temporal_positional_encoding: true }))
    expect(text).toContain('positions rotary')
    expect(text).toContain('level 64 { frames 1  channels 32  blocks 1  temporal_attention 1 }')
  })

  test('aliases', () => {
    const text = good(
      'unet_config:\n  resolution_channels: &c [32, 32]\n  num_resnets_per_resolution: &n [1, 1]\n  attention_levels: []\n  temporal_dim: 128\n  inner_config: {resolution_channels: *c, num_resnets_per_resolution: *n, attention_levels: []}',
    )
    expect(text.match(/channels 32/g)?.length).toBe(4)
  })
})

describe('sides', () => {
  const sides = (config: Config, side?: number) =>
    good(config, { side })
      .match(/level \d+/g)
      ?.map((level) => Number(level.slice(6)))

  test.each([
    [{ reader_config: { image_size: 32 }, sample_image_size: 16 }, 32],
    [{ sample_image_size: 16 }, 16],
    [{ sample_image_size: -1 }, 64],
    [{ sizes: [8] }, 8],
  ])('%o', (more, side) => {
    expect(sides({ ...network({}), ...more })).toEqual([side, side / 2])
  })

  test('the command line decides', () => {
    expect(sides({ ...network({}), sample_image_size: 16 }, 48)).toEqual([48, 24])
  })

  test('without any, the innermost part has 64', () => {
    expect(sides({ unet_config: around(around(plain)) })).toEqual([64, 32, 128, 64, 256, 128])
  })
})

describe('diffusion', () => {
  const said = (config: Config) =>
    good(config)
      .match(/(?<=diffusion \{).*(?=\})/g)
      ?.map((text) => text.trim())

  test('defaults of the reference', () => {
    expect(said(process({}))).toEqual(['steps 32  schedule ddpm  predict noise  weighting vdm'])
  })

  test('betas of a shifted schedule', () => {
    const text = good(process({ beta_start: 0.001, schedule_shifted: true }))
    expect(text.replace(/\s+/g, ' ')).toContain('schedule ddpm shifted { beta 0.001 0.02 }')
  })

  test('a file without it says so', () => {
    expect(good(network({}))).toContain('// The file says nothing of diffusion')
  })

  test.each([
    [{ schedule_type: 'cosine' }, {}, 'steps 32  schedule cosine  predict noise  weighting vdm'],
    [
      { schedule_type: 'Deepfloyd', prediction_type: 'v_Prediction' },
      { use_vdm_loss_weights: false },
      'steps 32  schedule deepfloyd  predict v',
    ],
    [
      { prediction_type: 'DDIM', loss_target_type: 'V_PREDICTION' },
      {},
      'steps 32  schedule ddpm  predict noise  measure v  weighting vdm',
    ],
    [
      { rescale_schedule: 4, schedule_shifted_power: 2 },
      {},
      'steps 32  schedule ddpm  predict noise  power 2  shift 4  weighting vdm',
    ],
    [{ rescale_schedule: 0.5, rescale_signal: null }, {}, 'steps 32  schedule ddpm  predict noise  weighting vdm'],
    [
      { rescale_signal: 2 },
      { model_output_scale: -3 },
      'steps 32  schedule ddpm  predict noise  signal_scale 2  output_scale 3  weighting vdm',
    ],
  ])('%o %o', (sampler, more, expected) => {
    expect(said(process(sampler, more))).toEqual([expected])
  })

  test.each([
    [{}, undefined],
    [{ use_double_loss: false }, 'loss mse highest'],
    [{ multi_res_weights: '4:1' }, 'weights 4:1'],
    [{ mixed_ratio: '2:0.5' }, 'mix 2:0.5'],
    [{ use_random_interp: true }, 'random_interpolation yes'],
    [{ mid_downsample: true }, 'frame_choice central'],
    [{ random_downsample: 1 }, 'frame_choice random'],
  ])('of a nest: %o', (more, expected) => {
    expect(said(nested(more))?.[1]).toBe(expected)
  })

  test('the loss of a nest may stand beside its section', () => {
    const { diffusion_config, ...rest } = nested({})
    expect(said({ ...rest, diffusion_config, use_double_loss: false, mixed_ratio: '2:1' })?.[1]).toBe('mix 2:1')
  })

  test.each([
    ['NONE', 'sample net { threshold none }'],
    ['dynamic', 'sample net { threshold dynamic }'],
    ['DYNAMIC_IF', 'sample net { threshold bounded }'],
    ['CLIP', undefined],
  ])('threshold %s', (threshold_function, expected) => {
    expect(line(process({ threshold_function }), 'sample')).toBe(expected)
  })
})

describe('names', () => {
  const nameOf = (yaml: string, name?: string) => /model (\w+)/.exec(good(yaml, { name }))?.[1]
  const yaml = `unet_config: ${JSON.stringify(plain)}`

  test('from the command line, the file, or its path', () => {
    expect(nameOf(`name: cc12m-64\n${yaml}`, 'mine')).toBe('mine')
    expect(nameOf(`name: cc12m-64\n${yaml}`)).toBe('cc12m_64')
    expect(nameOf(yaml)).toBe('config')
  })

  test.each(['model', 'level', 'yes', '64px', '', '日本'])('always a word of the language: %s', (name) => {
    expect(nameOf(yaml, name)).toMatch(/^model_/)
  })

  test('parts of one side have different names', () => {
    const flat = (inner: Config) => around(inner, { resolution_channels: [32], num_resnets_per_resolution: [1] })
    const { text = '' } = imported({ unet_config: around(flat(plain)) })
    expect(new Set(text.match(/model \w+/g)).size).toBe(3)
    // The two images would have one name.
    expect(checked(text).diagnostics.map(({ code }) => code)).toEqual(['MDM0241'])
  })
})
