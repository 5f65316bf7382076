/**
 * Trains the three models of compare.mdm side by side on all emoji but a tenth, and draws their loss at 64 pixels on
 * that tenth over the compute: `npm run build && npx tsx examples/emoji/compare.ts FOLDER`. A run that is in the folder
 * already is not made again.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { plotLines, type Curve } from '../../runtime/plots/svg.js'
import { readMetrics } from '../../runtime/run/metrics.js'

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('which folder are the runs to be in?')

const here = import.meta.dirname
const spec = join(here, 'compare.mdm')
const ways = {
  SmallFirst: 'nested, small first',
  AllAtOnce: 'nested, all at once',
  HighestAlone: '64 pixels alone',
}

async function mdmc(...given: readonly string[]): Promise<string> {
  return (await promisify(execFile)(process.execPath, [join(here, '../../dist/mdmc.js'), ...given])).stdout
}

async function train(model: string): Promise<void> {
  const run = join(folder ?? '', model)
  if (existsSync(join(run, 'model.safetensors'))) return
  const rhythm = ['--held-out', '10%', '--evaluate-every', '80', '--sample-every', '0']
  await mdmc('train', spec, '--model', model, ...rhythm, '--threads', '1', '-o', run)
}

/** Floating point operations of one image's forward pass, by the sides of the models in emoji.mdm. */
async function flopBySide(): Promise<ReadonlyMap<number, number>> {
  const flopOf = async (side: number) => {
    const costs = await mdmc('inspect', join(here, 'emoji.mdm'), '--model', `Emoji${side}`, '--json')
    return [side, (JSON.parse(costs) as { flops: number }).flops] as const
  }
  return new Map(await Promise.all([64, 32, 16].map(flopOf)))
}

/** The loss on what is held out, over the operations that all forward passes of training have taken by then. */
async function curveOf(model: string, name: string, flop: ReadonlyMap<number, number>): Promise<Curve> {
  const lines = await readMetrics(join(folder ?? '', model), ({ message }) => {
    throw new Error(message)
  })
  const points = { x: [] as number[], y: [] as number[] }
  let [done, images] = [0, 0]
  for (const { values } of lines) {
    const seen = values.get('images') ?? images
    const side = [...flop.keys()].find((pixels) => values.has(`loss/${pixels}`))
    done += (seen - images) * (flop.get(side ?? 64) ?? NaN)
    images = seen
    const loss = values.get('held_out/loss/64')
    if (loss === undefined) continue
    points.x.push(done / 1e12)
    points.y.push(loss)
  }
  const last = points.y.at(-1)?.toFixed(5) ?? 'none'
  console.log(`${name}: ${(done / 1e12).toFixed(1)} TFLOP of forward passes, held-out loss at 64 pixels ${last}`)
  return { name, ...points }
}

mkdirSync(folder, { recursive: true })
console.log(`half an hour or more; how far each is: ${join(folder, '*', 'metrics.jsonl')}`)
await Promise.all(Object.keys(ways).map(train))
const flop = await flopBySide()
const curves = await Promise.all(Object.entries(ways).map(([model, name]) => curveOf(model, name, flop)))
const axes = {
  title: 'Loss at 64 pixels on held-out emoji',
  x: 'TFLOP of forward passes',
  y: '',
  scale: 'log',
} as const
writeFileSync(join(folder, 'curves.svg'), await plotLines(curves, axes))
