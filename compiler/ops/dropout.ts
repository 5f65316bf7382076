/** Dropout (Srivastava et al. 2014). Outside of training it changes nothing. x: any shape. Result: as x. */
import { fail, type Op } from './op.js'

export interface DropoutAttributes {
  /** The share of elements set to 0 in training, from 0 to less than 1. */
  readonly rate: number
}

export const dropout: Op<['x'], DropoutAttributes> = {
  inputs: ['x'],
  random: true,
  view: true,
  infer: ({ x }, { rate }) => (rate >= 0 && rate < 1 ? x : fail(`a dropout rate of ${rate} is not between 0 and 1`)),
  decompose: ({ x }) => x,
  // Here it changes nothing; in training a product with a drawn mask stands in its place (passes/draw_dropout.ts).
  gradient: (_, dy) => ({ x: dy }),
  evaluate: ({ x }) => x,
}
