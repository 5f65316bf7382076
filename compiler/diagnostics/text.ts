/** Diagnostics about what images are asked for with: prompts, their encoders, and labels. */
import { diagnostic } from './diagnostic.js'
import { didYouMean, oneOf } from './suggest.js'
import { quoted } from './weights.js'

const kinds =
  'an encoder is `hash`, a folder with a T5 encoder, or a safetensors file of embeddings made before (docs/text.md)'

/** Neither the built-in encoder nor anything on the disk. */
export const encoderMissing = diagnostic<{ setting: string; problem: string }>({
  code: 'MDM0701',
  message: ({ setting, problem }) => `there is no text encoder ${quoted(setting)}: ${problem}`,
  reason: kinds,
  help: ({ setting }) => didYouMean(setting, ['hash']) ?? 'docs/text.md tells how to make the folder for FLAN-T5 XL',
})

/** A model of text for which nobody said what encodes it. */
export const encoderNotNamed = diagnostic({
  code: 'MDM0702',
  message: () => 'the model takes text, and no text encoder is given',
  reason: kinds,
  help: 'name it in the model, as in `condition text { width 2048  encoder "flan-t5-xl" }`, or with --encoder',
})

/** What a model's condition is, in words. */
export type ConditionKind = 'text' | 'label' | 'none'

/** A prompt for a model that takes none. */
export const promptWithoutText = diagnostic<{ kind: ConditionKind }>({
  code: 'MDM0703',
  message: ({ kind }) => `a prompt is given, and the model takes ${kind === 'label' ? 'labels' : 'no condition'}`,
  help: ({ kind }) => (kind === 'label' ? 'give a label instead' : 'leave the prompt out'),
})

/** A label for a model that takes none. */
export const labelWithoutLabels = diagnostic<{ kind: ConditionKind }>({
  code: 'MDM0704',
  message: ({ kind }) => `a label is given, and the model takes ${kind === 'text' ? 'text' : 'no condition'}`,
  help: ({ kind }) => (kind === 'text' ? 'give a prompt instead' : 'leave the label out'),
})

/** Nothing to encode. */
export const nothingAsked = diagnostic<{ what: 'prompt' | 'label' }>({
  code: 'MDM0705',
  message: ({ what }) => `no ${what} is given`,
  help: ({ what }) => `give at least one ${what}; an empty one stands for no condition`,
})

/** A folder that is no encoder's. */
export const encoderFileMissing = diagnostic<{ files: readonly string[] }>({
  code: 'MDM0706',
  message: ({ files }) => `the folder of the text encoder has no ${oneOf(files)}`,
  reason: 'a T5 encoder is a folder with its ONNX model and its tokenizer.json',
  help: 'docs/text.md tells how to make the folder',
})

/** tokenizer.json or tokenizer_config.json cannot be used. */
export const tokenizerInvalid = diagnostic<{ problem: string }>({
  code: 'MDM0707',
  message: ({ problem }) => `the tokenizer cannot be used: ${problem}`,
  help: "take the tokenizer.json that was published with the encoder's weights",
})

/** An ONNX file that is damaged, or no text encoder. */
export const encoderInvalid = diagnostic<{ problem: string }>({
  code: 'MDM0708',
  message: ({ problem }) => `the ONNX model is no text encoder that can be used: ${problem}`,
  reason: 'it takes `input_ids` and `attention_mask` (int64) and gives `last_hidden_state` (float32)',
  help: 'export the encoder again; docs/text.md has the command',
})

/** Features of another width than the model takes. */
export const encoderWidth = diagnostic<{ found: number; expected: number }>({
  code: 'MDM0709',
  message: ({ found, expected }) => `the text encoder gives ${found} features per token; the model takes ${expected}`,
  reason: 'the model was made for another text encoder',
  help: ({ found }) => `use the encoder that the model was trained with, or train a model of \`width ${found}\``,
})

/** A file of embeddings that does not follow the format. */
export const embeddingsInvalid = diagnostic<{ problem: string }>({
  code: 'MDM0710',
  message: ({ problem }) => `the embeddings cannot be used: ${problem}`,
  reason: 'the file holds `text` [prompts, tokens, width] and, where rows are padded, `text_mask` [prompts, tokens]',
  help: 'docs/text.md shows how to write the file',
})

/** A prompt that the file of embeddings does not have. */
export const promptNotStored = diagnostic<{ prompt: string; stored: readonly string[] }>({
  code: 'MDM0711',
  message: ({ prompt }) =>
    prompt === ''
      ? 'the embeddings have no row for the empty prompt, which stands for no condition'
      : `the embeddings have no row for the prompt ${quoted(prompt)}`,
  help: ({ prompt, stored }) =>
    (prompt === '' ? undefined : didYouMean(prompt, stored)) ??
    `the file has ${stored.length} ${stored.length === 1 ? 'row' : 'rows'}; add one for this prompt`,
})

/** A prompt longer than encoders take. */
export const promptCut = diagnostic<{ prompt: string; tokens: number; limit: number }>({
  code: 'MDM0712',
  severity: 'warning',
  message: ({ prompt, tokens, limit }) =>
    `the prompt ${quoted(prompt, 40)} has ${tokens} tokens; those beyond ${limit} are left out`,
  reason: 'the published models were trained with no longer ones',
})

/** A label that is neither a name nor a number of a class. */
export const labelUnknown = diagnostic<{ label: string; classes: number; names: readonly string[] }>({
  code: 'MDM0713',
  message: ({ label }) => `the model has no class ${quoted(label)}`,
  help: ({ label, classes, names }) =>
    didYouMean(label, names) ??
    `classes go from 0 to ${classes - 1}${names.length > 0 ? ', or by name' : '; the model gives them no names'}`,
})
