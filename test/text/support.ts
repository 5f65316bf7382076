/** What the tests of text share: a report that is read, a small tokenizer and encoders made of three ONNX nodes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import protocol from 'onnx-proto'
import { afterAll } from 'vitest'
import { DiagnosticList, type Report } from '../../compiler/diagnostics/diagnostic.js'
import { renderDiagnostic } from '../../compiler/diagnostics/render.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import type { TextEncoder } from '../../runtime/text/encoder.js'
import { writeSafetensors } from '../../runtime/weights/write-safetensors.js'

/** A folder for the tests of one file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mdmc-text-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** What `action` gives, and what the user reads, but for the folder that only this run has. */
export async function told<T>(action: (report: Report) => T | Promise<T>, folder = '\0'): Promise<[T, string]> {
  const list = new DiagnosticList()
  const value = await action(list.report)
  const text = list.all.map((diagnostic) => renderDiagnostic(diagnostic, new Map())).join('\n\n')
  return [value, text.replaceAll(folder, '...').replaceAll('\\', '/')]
}

/** What must be there. */
export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('undefined')
  return value
}

/** Encodes prompts that must be fine. */
export async function encoded(encoder: TextEncoder | undefined, prompts: readonly string[]) {
  const { text, mask } = present(await present(encoder).encode(prompts))
  return { text, mask, rows: rowsOf(text), masks: rowsOf(mask) }
}

/** The rows of a tensor along its first axis, as lists. */
function rowsOf({ shape, data }: Tensor): number[][] {
  const [rows = 0] = shape
  const size = data.length / rows
  return Array.from({ length: rows }, (_, row) => [...data.slice(row * size, (row + 1) * size)])
}

const words = ['a', 'the', 'red', 'cat', 'on', 'mat'].map((word) => `\u2581${word}`)
const letters = ['at', 'c', 'r', 'e', 'd', 'o', 'n', 'm', 't', 'h', 'a', '\u2581', ',', '.']
const special = ['<pad>', '</s>', '<unk>']
const vocabulary = [...special, ...words, ...letters]

/** A tokenizer.json with the parts that T5's has: words of which the earlier ones are likelier. */
export const tokenizer = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: special.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: null,
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'WhitespaceSplit' },
      { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'always', split: true },
    ],
  },
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '</s>', type_id: 0 } }],
    pair: [],
    special_tokens: { '</s>': { id: '</s>', ids: [1], tokens: ['</s>'] } },
  },
  decoder: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'always', split: true },
  model: {
    type: 'Unigram',
    unk_id: 2,
    vocab: vocabulary.map((word, id) => [word, id < special.length ? 0 : -2 - 0.3 * (id - special.length)]),
    byte_fallback: false,
  },
}

export interface EncoderOptions {
  readonly width: number
  readonly tokens?: number
  readonly output?: string
  readonly inputs?: readonly string[]
}

/** Feature j of token i is i + j / 100, times the mask. */
export function featuresOf(id: number, width: number): number[] {
  return Array.from({ length: width }, (_, j) => Math.fround(id + j / 100))
}

/** An encoder that looks its tokens up, as the bytes of an ONNX file. */
export function encoderBytes({ width, tokens = vocabulary.length, ...names }: EncoderOptions): Uint8Array {
  const { ModelProto, TensorProto, AttributeProto } = protocol.onnx
  const { output = 'last_hidden_state', inputs = ['input_ids', 'attention_mask'] } = names
  const { FLOAT, INT64 } = TensorProto.DataType
  const value = (name: string, elemType: number, dims: readonly (string | number)[]) => ({
    name,
    type: {
      tensorType: {
        elemType,
        shape: { dim: dims.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size })) },
      },
    },
  })
  const table = Array.from({ length: tokens }, (_, id) => featuresOf(id, width)).flat()
  const found = (name: string) => ({ opType: 'Gather', input: ['table', 'input_ids'], output: [name] })
  const float = { name: 'to', type: AttributeProto.AttributeType.INT, i: FLOAT }
  const masked = [
    { opType: 'Cast', input: ['attention_mask'], output: ['real'], attribute: [float] },
    { opType: 'Unsqueeze', input: ['real', 'last'], output: ['column'] },
    { opType: 'Mul', input: ['found', 'column'], output: [output] },
  ]
  return ModelProto.encode({
    irVersion: 8,
    opsetImport: [{ domain: '', version: 17 }],
    graph: {
      name: 'encoder',
      node: inputs.includes('attention_mask') ? [found('found'), ...masked] : [found(output)],
      initializer: [
        { name: 'table', dims: [tokens, width], dataType: FLOAT, floatData: table },
        { name: 'last', dims: [1], dataType: INT64, int64Data: [2] },
      ],
      input: inputs.map((name) => value(name, INT64, ['batch', 'tokens'])),
      output: [value(output, FLOAT, ['batch', 'tokens', width])],
    },
  }).finish()
}

/** Writes JSON, text or bytes. */
export function write(path: string, content: object | string | Uint8Array): void {
  const plain = typeof content === 'string' || content instanceof Uint8Array
  writeFileSync(path, plain ? content : JSON.stringify(content))
}

/** Writes a safetensors file of float32 tensors. */
export async function writeEmbeddings(
  path: string,
  tensors: Readonly<Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const list = new DiagnosticList()
  const entries = Object.entries(tensors).map(([name, { shape }]) => ({ name, dtype: 'F32', shape }) as const)
  const valuesOf = ({ name }: { readonly name: string }) => Float32Array.from(tensors[name]?.values ?? [])
  await writeSafetensors(path, entries, valuesOf, list.report, metadata)
  if (list.all.length > 0) throw new Error(list.all.map(({ message }) => message).join('\n'))
}
