import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { renderDiagnostic } from '../../compiler/diagnostics/render.js'
import { openWeights } from '../../runtime/weights/open.js'
import { writeSafetensors } from '../../runtime/weights/write-safetensors.js'
import { mutated } from './mutate.js'
import { checkpointOf, readEverything, temporaryFolder, tensorPickle, text } from './support.js'

const folder = temporaryFolder()
/** More can be asked for: MUTATIONS=20000 npx vitest run test/weights/mutations */
const count = Number(process.env.MUTATIONS ?? 150)
const fixture = (name: string) => readFile(new URL(`../fixtures/${name}`, import.meta.url))

async function safetensors(): Promise<Uint8Array> {
  const path = folder.path('original.safetensors')
  const entries = [
    { name: 'a.weight', dtype: 'F32', shape: [3, 4] },
    { name: 'b', dtype: 'BF16', shape: [5] },
    { name: 'c', dtype: 'I64', shape: [] },
  ] as const
  const values = (entry: { readonly shape: readonly number[] }) =>
    new Float32Array(entry.shape.reduce((a, b) => a * b, 1))
  await writeSafetensors(path, entries, values, new DiagnosticList().report, { format: 'pt' })
  return readFile(path)
}

/** A small checkpoint with a compressed storage and settings, so that damage hits them often. */
function checkpoint(): Uint8Array {
  const tensor = tensorPickle({ shape: [2, 3], strides: [1, 2], length: 6 })
  const settings = `cargparse\nNamespace\n)\x81}${text('lr')}K\x01sb`
  const pickle = `\x80\x02}${text('state_dict')}}${text('w')}${tensor}ss${text('args')}${settings}s.`
  return checkpointOf(pickle, [{ name: 'archive/data/0', data: new Uint8Array(24), deflate: true }])
}

/** Bytes of a fixture whose directory and pickle are hit, and not only its numbers. */
const originals: [string, () => Promise<Uint8Array> | Uint8Array, number][] = [
  ['safetensors', safetensors, count],
  ['small checkpoint', checkpoint, count],
  ['checkpoint of PyTorch', () => fixture('views.pth'), count],
  ['checkpoint of the reference', () => fixture('vis_model.pth'), Math.ceil(count / 10)],
]

test.each(originals)('damaged %s: a diagnostic or success, never an exception', async (name, original, files) => {
  const bytes = await original()
  let refusals = 0
  for (let seed = 0; seed < files; seed++) {
    const path = await folder.write(`damaged${seed % 2 ? '.pth' : '.safetensors'}`, mutated(bytes, seed))
    const list = new DiagnosticList()
    try {
      const source = await openWeights(path, list.report)
      expect(list.all).toHaveLength(source === undefined ? 1 : 0)
      if (source === undefined) refusals++
      else await readEverything(source)
      await source?.close()
      for (const it of list.all) expect(renderDiagnostic(it, new Map()).length).toBeLessThan(2000)
    } catch (error) {
      throw new Error(`${name}, seed ${seed}`, { cause: error })
    }
  }
  expect(refusals).toBeGreaterThan(files / 4)
})
