/** A data set: its examples in a fixed order, any of which can be had at any time. */
import { createHash } from 'node:crypto'
import type { Example, Source } from './example.js'

/** Images or videos with what is said of them. Examples are numbered from 0. */
export class Dataset {
  /** Different labels: numbers by size, anything else by its characters. Parts of a data set share those of the whole. */
  readonly classes: readonly string[]
  /** How many examples have a caption. */
  readonly captioned: number
  /** How many examples have a label. */
  readonly labelled: number
  readonly #examples: readonly Example[]
  #fingerprint: string | undefined

  constructor(
    /** For people to read. */
    readonly name: string,
    examples: readonly Example[],
    classes?: readonly string[],
  ) {
    this.#examples = examples
    this.classes = classes ?? classesOf(examples)
    this.captioned = examples.filter(({ caption }) => caption !== undefined).length
    this.labelled = examples.filter(({ label }) => label !== undefined).length
  }

  get length(): number {
    return this.#examples.length
  }

  caption(example: number): string | undefined {
    return this.#at(example).caption
  }

  label(example: number): string | undefined {
    return this.#at(example).label
  }

  /** Where an example lies, for messages. */
  nameOf(example: number): string {
    return this.#at(example).name
  }

  /** What an example is decoded from; can be sent to a worker. */
  sourceOf(example: number): Source {
    return this.#at(example).source
  }

  /** Changes with the examples, their order, sizes, captions and labels: 64 hexadecimal digits. */
  get fingerprint(): string {
    this.#fingerprint ??= fingerprintOf(this.#examples)
    return this.#fingerprint
  }

  /** The examples with one of these labels. */
  only(labels: readonly string[]): Dataset {
    const chosen = this.#examples.filter(({ label }) => label !== undefined && labels.includes(label))
    return new Dataset(`${this.name} (${labels.join(', ')})`, chosen)
  }

  /**
   * Two parts, of which the second has about `share` (0 to 1) of the examples. Where an example goes depends on its
   * name alone, whatever else there is; but of two examples or more, each part has at least one.
   */
  heldOut(share: number): { training: Dataset; heldOut: Dataset } {
    const hashed = this.#examples.map((example) => ({ example, place: placeOf(example.name) }))
    // Above the smallest and not above the greatest, so that neither part is empty.
    const [, second = share] = hashed.map(({ place }) => place).sort((a, b) => a - b)
    const greatest = hashed.reduce((most, { place }) => Math.max(most, place), 0)
    const limit = Math.max(Math.min(share, greatest), second)
    const part = (name: string, held: boolean) =>
      new Dataset(
        `${this.name} (${name})`,
        hashed.filter(({ place }) => place < limit === held).map(({ example }) => example),
        this.classes,
      )
    return { training: part('training', false), heldOut: part('held out', true) }
  }

  #at(example: number): Example {
    const found = this.#examples[example]
    if (found === undefined) throw new Error(`the data set has no example ${example}`)
    return found
  }
}

function classesOf(examples: readonly Example[]): string[] {
  const labels = [...new Set(examples.flatMap(({ label }) => label ?? []))].sort()
  return labels.every((label) => /^\d+$/.test(label)) ? labels.sort((a, b) => Number(a) - Number(b)) : labels
}

function fingerprintOf(examples: readonly Example[]): string {
  const hash = createHash('sha256')
  for (const { name, bytes, caption, label } of examples)
    hash.update(JSON.stringify([name, bytes, caption ?? null, label ?? null]))
  return hash.digest('hex')
}

/** A name's place between 0 and 1, as if drawn by lot. */
function placeOf(name: string): number {
  return createHash('sha256').update(name).digest().readUIntBE(0, 6) / 2 ** 48
}
