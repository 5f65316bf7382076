/** A training as far as its folder is concerned, in a process of its own that may be killed at any time. */
import { pathToFileURL } from 'node:url'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { RunFolder } from '../../runtime/run/folder.js'
import type { RunSettings } from '../../runtime/run/settings.js'
import type { PlainValue } from '../../runtime/weights/source.js'

export const settings: RunSettings = {
  model: 'Tiny',
  sources: { 'tiny.mdm': 'model Tiny {\n  image rgb\n}\n' },
  specHash: 'ab12',
  seed: 7,
  steps: 1000,
  device: 'onnx on cpu, 2 threads',
  data: { name: 'emoji', fingerprint: 'f00d', examples: 1911 },
  options: { batch: 32, precision: 'fp32', prompts: ['a cat', 'a <b>dog</b>'] },
  versions: { mdmc: '0.1.0', node: '20.19.0' },
}

/** A checkpoint all of whose values are its step. */
export function checkpointOf(step: number, best = false, size = 100) {
  const tensor = (name: string) => ({ name, shape: [2, size], values: new Float32Array(2 * size).fill(step) })
  const state: Readonly<Record<string, PlainValue>> = { phase: 1, adam: step, scale: 65536.5, text: 'größe' }
  return {
    step,
    best,
    state,
    tensors: {
      model: [tensor('conv.weight'), tensor('conv.bias')],
      average: [tensor('conv.weight'), tensor('conv.bias')],
      optimizer: [tensor('first_moment.conv.weight'), tensor('second_moment.conv.weight')],
    },
  }
}

/** Begins the run in `path` or takes it up, and works until step `until`; says on standard output what it has done. */
export async function train(path: string, until: number, size: number, say: (text: string) => void): Promise<void> {
  const found = new DiagnosticList()
  const taken = await RunFolder.open(path, found.report)
  const run = taken ?? (await RunFolder.create(path, settings, found.report))
  if (run === undefined) throw new Error(found.all.map(({ code }) => code).join())
  const saved = await run.resume(found.report)
  await saved?.close()
  if (found.all.some(({ code }) => code !== 'MDM1003')) throw new Error(found.all.map(({ code }) => code).join())
  say(`from ${saved?.step ?? 0}`)
  for (let step = (saved?.step ?? 0) + 1; step <= until; step++) {
    run.append({ step, loss: 1 / step, gradient_norm: Math.sqrt(step) })
    if (step % 5 === 0) run.note(step, 'five more')
    if (step % 3 === 0) {
      await run.checkpoint(checkpointOf(step, step % 2 === 0, size), 2)
      say(`saved ${step}`)
    }
    // The same step once more, as at the end of a phase.
    if (step % 9 === 0) await run.checkpoint(checkpointOf(step, step % 2 === 0, size), 2)
  }
  await run.close()
}

const [, program = '', path = '', until, size] = process.argv
if (import.meta.url === pathToFileURL(program).href)
  await train(path, Number(until), Number(size), (text) => process.stdout.write(`${text}\n`))
