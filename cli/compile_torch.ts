/** `mdmc compile --target torch`: a model as a PyTorch package. */
import { join } from 'node:path'
import { checkFile } from '../compiler/compile.js'
import { DiagnosticList } from '../compiler/diagnostics/diagnostic.js'
import { elementCount } from '../compiler/ir/tensor.js'
import type { CompileChoice } from './compile.js'
import { chooseModel } from './model.js'
import { byteProgress } from './progress.js'
import { print, printJson, say, showDiagnostics, WrongInput, WrongUsage } from './report.js'
import { disk } from './sources.js'
import { chooseWeights } from './weights.js'

/** Options that shape ONNX files alone. */
const forOnnx = {
  split: '--split',
  withSampler: '--with-sampler',
  train: '--train',
  mixedBatch: '--mixed-batch',
} as const satisfies Partial<Record<keyof CompileChoice, string>>

export async function compileTorch(file: string, options: CompileChoice): Promise<void> {
  const unfit =
    options.opset === undefined
      ? Object.entries(forOnnx).find(([key]) => options[key as keyof typeof forOnnx] === true)?.[1]
      : '--opset'
  if (unfit !== undefined) throw new WrongUsage(`${unfit} is for --target onnx; a PyTorch package has it all`)
  if (options.precision !== 'fp32')
    throw new WrongUsage('--precision is for --target onnx; in PyTorch use torch.autocast, or model.to(torch.bfloat16)')
  const started = performance.now()
  const checked = checkFile(file, disk)
  const model = chooseModel(file, checked, options.model)
  const { torchPackage } = await import('../backends/torch/package.js')
  const { writePackage } = await import('../runtime/torch/write.js')
  const { torchTraining } = await import('../runtime/torch/training.js')
  const found = new DiagnosticList()
  const untrained = new DiagnosticList()
  const training = torchTraining(model, untrained.report)
  const written = torchPackage(model, found.report, { sources: checked.sources, training })
  showDiagnostics(found.all, checked.sources)
  if (written === undefined) throw new WrongInput()
  for (const { message } of untrained.all) say(`${message}; the package has no train.py`)
  const { parameters } = written.graph
  const weights = await chooseWeights(parameters, options)
  const folder = options.output ?? join('out', model.name)
  const files = await writePackage(written, folder)
  const weightBytes = weights ? parameters.reduce((total, { shape }) => total + 4 * elementCount(shape), 0) : 0
  try {
    if (weights) {
      const { writeSafetensors } = await import('../runtime/weights/write-safetensors.js')
      const path = join(folder, 'weights.safetensors')
      const progress = byteProgress('weights', weightBytes)
      const entries = parameters.map(({ name, shape }) => ({ name, dtype: 'F32' as const, shape }))
      const values = async ({ name }: { readonly name: string }) => {
        const numbers = await weights.values.read(name)
        progress.advance(numbers.byteLength)
        return numbers
      }
      const done = await writeSafetensors(path, entries, values, found.report)
      progress.stop()
      if (!done) {
        showDiagnostics(found.all)
        throw new WrongInput()
      }
      files.push(path)
    }
  } finally {
    await weights?.values.close()
  }
  const seconds = (performance.now() - started) / 1000
  if (options.json) return printJson({ model: model.name, folder, files, weightBytes, seconds })
  for (const path of files) print(path)
  say(
    `${model.name}: ${weights?.about ?? 'structure alone'}, ${(weightBytes / 2 ** 20).toFixed(0)} MiB of weights, ${seconds.toFixed(1)} s`,
  )
}
