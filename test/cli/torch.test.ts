/** From a spec to pictures by way of PyTorch, as a user goes it: export, train with two processes, compile, sample. */
import { expect, it } from 'vitest'
import { pythonProgram } from '../../runtime/torch/process.js'
import { hasTraining } from '../torch/found.js'
import { metricsOf, outputOf, twoProcesses } from '../torch/run.js'
import { Folder, succeed } from './run.js'

const folder = new Folder()
const spec = folder.write(
  'emoji.mdm',
  `model Small {
  groups 8
  embedding 64
  condition text { width 32  encoder "hash" }
  level 8 { channels 32  blocks 1  attention 1 }
}

model Emoji nests Small {
  groups 8
  level 16 { channels 16  blocks 1 }
  level 8 { channels 16  blocks 1 }
}

train Emoji {
  optimizer adamw { rate 2e-3  clip 2 }
  average 0.9
  condition_dropout 10%
  flip yes
  phase Small { steps 10  batch 16 }
  phase Emoji { steps 10  batch 16  mix 1:1 }
}

sample Emoji { method ddim  steps 4  guidance 2 }
`,
)

it.skipIf(!hasTraining)(
  'trains on exported emoji',
  async () => {
    const [data, project, run] = [folder.at('data'), folder.at('project'), folder.at('run')]
    await succeed(['data', 'export', spec, '--data', 'emoji', '--only', 'Symbols', '--shard-size', '40', '-o', data])
    await succeed(['compile', spec, '--target', 'torch', '--no-weights', '-o', project])
    const options = ['--workers', '1', '--device', 'cpu', '--log-every', '5', '--sample-steps', '2']
    const given = [...twoProcesses, folder.at('project', 'train.py'), data, '--out', run, ...options]
    outputOf(pythonProgram(), given, { env: { ...process.env, OMP_NUM_THREADS: '1' } })
    const losses = metricsOf(run).map(({ loss }) => Number(loss))
    expect(losses).toHaveLength(4)
    expect(losses.every((loss) => loss > 0)).toBe(true)
    expect(losses[1]).toBeLessThan(losses[0] ?? 0)
    const weights = folder.at('run', 'average.safetensors')
    await succeed(['compile', spec, '--weights', weights, '-o', folder.at('onnx')])
    const { out } = await succeed([
      'sample',
      spec,
      '--weights',
      weights,
      '--prompt',
      'heart',
      '-o',
      folder.at('pictures'),
    ])
    expect(out).toContain('0000.png')
  },
  120_000,
)
