/** T5 encoders from folders. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openEncoder } from '../../runtime/text/open.js'
import { encoded, encoderBytes, featuresOf, temporaryFolder, told, tokenizer, write } from './support.js'

const root = temporaryFolder()
let made = 0

/** A folder with the given files. */
function folderOf(files: Readonly<Record<string, object | string | Uint8Array>>): string {
  const folder = join(root, `encoder${made++}`)
  mkdirSync(folder)
  for (const [name, content] of Object.entries(files)) write(join(folder, name), content)
  return folder
}

const width = 4
const model = encoderBytes({ width })
const whole = { 'tokenizer.json': tokenizer, 'encoder_model.onnx': model }

/** What transformers 5.18 makes of these prompts with this tokenizer. */
const numbered: Readonly<Record<string, readonly number[]>> = {
  'a red cat on the mat': [3, 5, 6, 7, 4, 8, 1],
  '': [1],
  ' ': [1],
  'Zebra, cat.': [20, 2, 12, 2, 11, 19, 21, 6, 22, 1],
  'the  red\tcats': [4, 5, 6, 2, 1],
}

describe.each([
  ['encoder_model.onnx and tokenizer.json', whole],
  ['model.onnx', { 'tokenizer.json': tokenizer, 'model.onnx': model }],
  ['settings beside the tokenizer', { ...whole, 'tokenizer_config.json': { eos_token: { content: '</s>' } } }],
  ['a tokenizer that adds no end', { ...whole, 'tokenizer.json': { ...tokenizer, post_processor: null } }],
  ['an encoder without mask', { ...whole, 'encoder_model.onnx': encoderBytes({ width, inputs: ['input_ids'] }) }],
])('a folder with %s', (_, files) => {
  it('gives the features of the tokens, padded with zeros', async () => {
    const [encoder, words] = await told((report) => openEncoder(folderOf(files), width, report), root)
    expect(words).toBe('')
    const prompts = Object.keys(numbered)
    const { text, rows, masks } = await encoded(encoder, prompts)
    expect(text.shape).toEqual([prompts.length, 10, width])
    Object.values(numbered).forEach((numbers, i) => {
      const padding = 10 - numbers.length
      expect(rows[i]).toEqual([
        ...numbers.flatMap((id) => featuresOf(id, width)),
        ...Array<number>(padding * width).fill(0),
      ])
      expect(masks[i]).toEqual([...numbers.map(() => 1), ...Array<number>(padding).fill(0)])
    })
    await encoder?.close()
  })
})

it('leaves tokens beyond 128 out but for the end', async () => {
  const [found, words] = await told(async (report) =>
    encoded(await openEncoder(folderOf(whole), width, report), ['cat '.repeat(300)]),
  )
  expect(found.text.shape).toEqual([1, 128, width])
  expect(found.rows[0]?.slice(-2 * width)).toEqual([...featuresOf(6, width), ...featuresOf(1, width)])
  expect(words).toContain('warning MDM0712')
})

describe('refused:', () => {
  const withModel = (options: Omit<Parameters<typeof encoderBytes>[0], 'width'>) => ({
    ...whole,
    'encoder_model.onnx': encoderBytes({ width, ...options }),
  })
  const withTokenizer = (content: object | string) => ({ ...whole, 'tokenizer.json': content })
  it.each([
    ['an empty folder', {}],
    ['a folder without tokenizer', { 'encoder_model.onnx': model }],
    ['a folder without encoder', { 'tokenizer.json': tokenizer, 'decoder_model.onnx': model }],
    ['a tokenizer that is no JSON', withTokenizer('{')],
    ['a tokenizer that is a list', withTokenizer([])],
    ['a tokenizer without its parts', withTokenizer({ version: '1.0' })],
    ['a tokenizer of an unknown kind', withTokenizer({ ...tokenizer, model: { type: 'Magic' } })],
    ['settings that are no JSON', { ...whole, 'tokenizer_config.json': 'eos' }],
    ['a tokenizer without end', { ...whole, 'tokenizer_config.json': { eos_token: '<end>' } }],
    ['another width', { ...whole, 'encoder_model.onnx': encoderBytes({ width: 6 }) }],
    ['an encoder with fewer tokens than the tokenizer', withModel({ tokens: 20 })],
    ['a whole translator', withModel({ inputs: ['input_ids', 'attention_mask', 'decoder_input_ids'] })],
    ['another output', withModel({ output: 'logits' })],
    ['a file that is no ONNX', { ...whole, 'encoder_model.onnx': 'no model' }],
  ])('%s', async (_, files) => {
    const [encoder, words] = await told((report) => openEncoder(folderOf(files), width, report), root)
    expect(encoder).toBeUndefined()
    // ONNX Runtime's own words differ between versions.
    expect(
      words.replace(/encoder\d+/g, 'encoder').replace(/(no text encoder that can be used: )[^`\n]*$/m, '$1...'),
    ).toMatchSnapshot()
  })
})
