/** Captions and labels of a data set as a model takes them. */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { encodeCaptions, type CaptionOptions } from '../../runtime/data/captions.js'
import { Dataset } from '../../runtime/data/dataset.js'
import { labelRows } from '../../runtime/data/labels.js'
import { ShelfFiles } from '../../runtime/data/shelf.js'
import type { TextEncoder } from '../../runtime/text/encoder.js'
import { hashEncoder } from '../../runtime/text/hash.js'
import { freshFolder, present, told } from './support.js'

const dataset = (...words: readonly { caption?: string; label?: string }[]) =>
  new Dataset(
    'x',
    words.map(({ caption, label }, i) => ({
      name: `${i}.png`,
      bytes: 1,
      caption,
      label,
      source: { kind: 'image', place: { file: `${i}.png` } },
    })),
  )

describe('captions', () => {
  const hash = hashEncoder(8, () => undefined)
  const counting = (encoder: TextEncoder = hash) => {
    const asked: string[] = []
    const encode: TextEncoder['encode'] = (prompts) => {
      asked.push(...prompts)
      return encoder.encode(prompts)
    }
    return { asked, encoder: { ...encoder, encode } }
  }
  const options = (changes: Partial<CaptionOptions> = {}): CaptionOptions => ({
    encoder: hash,
    name: 'hash',
    folder: join(freshFolder(), 'text'),
    drops: true,
    ...changes,
  })
  const three = dataset({ caption: 'a red cat' }, { caption: 'a dog' }, { caption: 'a red cat' })
  const silent = () => undefined

  it('are what the encoder gives, padded to the longest of the batch', async () => {
    const rows = present(await encodeCaptions(three, options(), silent))
    expect(await rows.rows([1, 0])).toEqual(await hash.encode(['a dog', 'a red cat']))
    expect(await rows.rows([1])).toEqual(await hash.encode(['a dog']))
    await rows.close()
  })

  it('that are dropped are the empty prompt', async () => {
    const rows = present(await encodeCaptions(three, options(), silent))
    expect(await rows.rows([0, 1, 2], [true, false, false])).toEqual(await hash.encode(['', 'a dog', 'a red cat']))
    expect(await rows.rows([0], [true])).toEqual(await hash.encode(['']))
  })

  it('are encoded once, each different one, and kept on the disk', async () => {
    const { asked, encoder } = counting()
    const done: string[] = []
    const set = options({ encoder, drops: false, progress: (count, all) => done.push(`${count} of ${all}`) })
    const first = present(await encodeCaptions(three, set, silent))
    expect(asked).toEqual(['a red cat', 'a dog'])
    const again = present(await encodeCaptions(three, set, silent))
    expect(asked).toHaveLength(2)
    expect(done).toEqual(['2 of 2', '2 of 2'])
    expect(await again.rows([0, 1, 2])).toEqual(await first.rows([0, 1, 2]))
    await encodeCaptions(dataset({ caption: 'a cow' }), set, silent)
    expect(asked).toEqual(['a red cat', 'a dog', 'a cow'])
    await encodeCaptions(three, { ...set, name: 'another' }, silent)
    expect(asked).toHaveLength(5)
  })

  it('are encoded again where a file is damaged', async () => {
    const { asked, encoder } = counting()
    const set = options({ encoder })
    await encodeCaptions(three, set, silent)
    const [file = ''] = readdirSync(set.folder)
    for (const content of ['', 'no tensors', '\x02\0\0\0\0\0\0\0{}']) {
      asked.length = 0
      writeFileSync(join(set.folder, file), content)
      const rows = present(await encodeCaptions(three, set, silent))
      expect(asked).toEqual(['', 'a red cat', 'a dog'])
      expect(await rows.rows([1])).toEqual(await hash.encode(['a dog']))
    }
  })

  it('fill several files, and go on where an interrupted run was', async () => {
    const many = dataset(...Array.from({ length: 1100 }, (_, i) => ({ caption: `number ${i}` })))
    const { asked, encoder } = counting()
    const interrupted: TextEncoder = {
      ...encoder,
      encode: async (prompts) => (prompts.includes('number 700') ? undefined : encoder.encode(prompts)),
    }
    const set = options({ encoder: interrupted, drops: false })
    expect(await encodeCaptions(many, set, silent)).toBeUndefined()
    asked.length = 0
    const rows = present(await encodeCaptions(many, { ...set, encoder }, silent))
    expect(asked).toEqual(Array.from({ length: 1100 - 512 }, (_, i) => `number ${512 + i}`))
    const wanted = [0, 511, 512, 1023, 1024, 1099]
    expect(await rows.rows(wanted)).toEqual(await hash.encode(wanted.map((i) => `number ${i}`)))
    expect(readdirSync(set.folder)).toHaveLength(3)
  })

  it('are read from the disk where they do not fit in memory', async () => {
    const files = new ShelfFiles(2, 0)
    const path = join(freshFolder(), 'x.safetensors')
    const shelf = { lengths: [1, 2], features: Float32Array.of(1, 2, 3, 4, 5, 6), mask: Float32Array.of(1, 1, 1) }
    expect(await files.write(path, shelf, () => undefined)).toBe(true)
    expect(await files.row(0, 1)).toEqual({ features: Float32Array.of(3, 4, 5, 6), mask: Float32Array.of(1, 1) })
    expect(await files.row(0, 0)).toEqual({ features: Float32Array.of(1, 2), mask: Float32Array.of(1) })
    await files.close()
    expect(await new ShelfFiles(2).open(path, 2)).toBe(true)
    expect(await new ShelfFiles(3).open(path, 2)).toBe(false)
    expect(await new ShelfFiles(2).open(path, 1)).toBe(false)
  })

  it('that some examples lack are the empty prompt, which is told', async () => {
    const [rows, words] = await told((report) =>
      encodeCaptions(dataset({ caption: 'a dog' }, {}), options({ drops: false }), report),
    )
    expect(await present(rows).rows([1, 0])).toEqual(await hash.encode(['', 'a dog']))
    expect(words).toMatchSnapshot()
  })

  it('that several examples lack', async () => {
    const [, words] = await told((report) => encodeCaptions(dataset({ caption: 'a dog' }, {}, {}), options(), report))
    expect(words).toMatchSnapshot()
  })

  it('that all examples lack are refused', async () => {
    const [rows, words] = await told((report) => encodeCaptions(dataset({}, {}), options(), report))
    expect(rows).toBeUndefined()
    expect(words).toMatchSnapshot()
  })
})

describe('labels', () => {
  const model = (classes: number, ...names: readonly string[]) =>
    ({ kind: 'label', classes, names, crossAttention: false }) as const
  const labelled = (...labels: readonly string[]) => dataset(...labels.map((label) => ({ label })))
  const numbers = (set: Dataset, condition: ReturnType<typeof model>) =>
    told((report) => {
      const { length } = set
      const tensor = labelRows(set, condition, report)?.(Array.from({ length }, (_, i) => i))
      return tensor && Array.from(tensor.data)
    })

  it.each([
    ['by name', labelled('dog', 'cat', 'dog'), model(3, 'cat', 'cow', 'dog'), [2, 0, 2]],
    ['by number', labelled('10', '2', '0'), model(11), [10, 2, 0]],
    ['by number, though the model has names', labelled('1', '0'), model(2, 'cat', 'dog'), [1, 0]],
    ['by name, though the names are numbers', labelled('1', '0'), model(2, '1', '0'), [0, 1]],
    ['by their order', labelled('dog', 'cat', 'cow'), model(5), [2, 0, 1]],
  ])('are found %s', async (_, set, condition, expected) => {
    const [found, words] = await numbers(set, condition)
    expect(words).toBe('')
    expect(found).toEqual(expected)
  })

  it('that are dropped are no class', () => {
    const rows = present(labelRows(labelled('0', '1', '2'), model(3), () => undefined))
    const data = Float64Array.of(2, -1, 0)
    expect(rows([2, 1, 0], [false, true, false])).toEqual({ shape: [3], data })
  })

  it('of a part are those of the whole', () => {
    const whole = labelled(...Array.from({ length: 40 }, (_, i) => `class ${i}`))
    const { training } = whole.heldOut(0.5)
    const rows = present(labelRows(training, model(40), () => undefined))
    const all = Array.from({ length: training.length }, (_, i) => i)
    expect(Array.from(rows(all).data)).toEqual(all.map((i) => whole.classes.indexOf(training.label(i) ?? '')))
  })

  it('that some examples lack are no class, which is told', async () => {
    const [found, words] = await numbers(dataset({ label: 'cat' }, {}, {}), model(1))
    expect(found).toEqual([0, -1, -1])
    expect(words).toMatchSnapshot()
  })

  it.each([
    ['none', dataset({}), model(3)],
    ['unknown names', labelled('cat', 'dgo', 'horse'), model(3, 'cat', 'cow', 'dog')],
    ['too many', labelled('a', 'b', 'c'), model(2)],
    ['too high numbers', labelled('1', '12'), model(10)],
    ['numbers beyond the names', labelled('1', '2'), model(2, 'cat', 'dog')],
  ])('are refused: %s', async (_, set, condition) => {
    const [found, words] = await numbers(set, condition)
    expect(found).toBeUndefined()
    expect(words).toMatchSnapshot()
  })
})
