/** The options that say what a model is trained on. */
import type { Command } from 'commander'
import { share, whole } from './options.js'

export interface DataChoice {
  readonly data: string
  readonly only?: readonly string[]
  readonly heldOut: number
  readonly encoder?: string
  readonly seed?: number
  readonly prompt?: readonly string[]
  readonly label?: readonly string[]
  readonly workers: number
}

export function addDataOptions(command: Command): Command {
  return command
    .option('--data <name>', 'emoji, or a folder of images or videos, WebDataset tars, or an index of tables', 'emoji')
    .option('--only <label...>', 'only the examples with one of these labels')
    .option('--held-out <share>', 'share of the examples to measure the loss on instead of training on them', share, 0)
    .option('--encoder <name>', 'text encoder: hash, a folder with a T5 encoder, or embeddings in .safetensors')
    .option(
      '--seed <number>',
      "seed of everything that is drawn (default: the file's)",
      whole(0, Number.MAX_SAFE_INTEGER),
    )
    .option('--prompt <text...>', 'what the samples show (default: captions of the data set)')
    .option('--label <class...>', 'the same for a model of labels')
    .option('--workers <count>', 'threads that read the data', whole(1, 256), 2)
}
