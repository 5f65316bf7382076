/** The tokenizer of a T5 encoder's folder: prompts to numbers of tokens. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { encoderFileMissing, promptCut, tokenizerInvalid } from '../../compiler/diagnostics/text.js'
import { systemProblem } from '../../files/problem.js'
import { wholeFile } from '../weights/failure.js'
import { tokenLimit } from './encoder.js'

const file = 'tokenizer.json'
/** Beside it, and often missing: which of the tokens means what. */
const settingsFile = 'tokenizer_config.json'

export interface Prompts {
  /** The numbers of a prompt's tokens, the end token last. */
  numbersOf(prompt: string): number[]
  /** The largest number that it can give. */
  readonly largest: number
}

/** What is used of the package, whose own types do not resolve under the rules of Node's modules. */
interface Loaded {
  encode(text: string): { readonly ids: readonly (number | undefined)[] }
  token_to_id(token: string): number | undefined
  get_vocab(): ReadonlyMap<string, number>
}
const Loaded = Tokenizer as unknown as new (description: object, settings: object) => Loaded

/** Reads a folder's tokenizer. What is wrong with it is reported, and gives undefined. */
export async function openTokenizer(folder: string, report: Report): Promise<Prompts | undefined> {
  const path = join(folder, file)
  const refuse = (problem: string) => {
    report(tokenizerInvalid({ problem }), wholeFile(path))
    return undefined
  }
  const content = await read(path)
  if (content === undefined) {
    report(encoderFileMissing({ files: [file] }), wholeFile(folder))
    return undefined
  }
  const settings = parsed((await read(join(folder, settingsFile))) ?? '{}')
  if (settings === undefined) return refuse(`${settingsFile} beside it is no JSON object`)
  const description = parsed(content)
  if (description === undefined) return refuse('it is no JSON object')

  const endToken = endTokenOf(settings)
  const tokenizer = made(description, { ...settings, eos_token: endToken })
  if (typeof tokenizer === 'string') return refuse(tokenizer)
  const end = tokenizer.token_to_id(endToken)
  if (end === undefined) return refuse(`it has no end token \`${endToken}\``)
  return {
    largest: Math.max(...tokenizer.get_vocab().values()),
    numbersOf(prompt) {
      const ids = tokenizer.encode(prompt).ids.filter((id) => id !== undefined)
      const numbers = ids.at(-1) === end ? ids.slice(0, -1) : ids
      const tokens = numbers.length + 1
      if (tokens > tokenLimit) report(promptCut({ prompt, tokens, limit: tokenLimit }), undefined)
      return [...numbers.slice(0, tokenLimit - 1), end]
    },
  }
}

/** The file's text; undefined if there is none that can be read. */
async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemProblem(error) === undefined) throw error
    return undefined
  }
}

function parsed(json: string): object | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** `eos_token` is a text or an object with the text as `content`. */
function endTokenOf(settings: object): string {
  const given: unknown = 'eos_token' in settings ? settings.eos_token : undefined
  if (typeof given === 'string') return given
  const content = typeof given === 'object' && given !== null && 'content' in given ? given.content : undefined
  return typeof content === 'string' ? content : '</s>'
}

/** The tokenizer, or what is wrong with its description: whatever its maker throws on, and words it cannot number. */
function made(description: object, settings: object): Loaded | string {
  try {
    const tokenizer = new Loaded(description, settings)
    // The second of these words is no token of anything.
    const { ids } = tokenizer.encode('word \u{10fffd}')
    if (ids.every((id) => id !== undefined && Number.isSafeInteger(id) && id >= 0)) return tokenizer
    return 'it has no number for words that it does not know'
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  }
}
