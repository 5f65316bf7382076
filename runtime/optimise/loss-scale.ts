/** Loss scaling for devices that compute in float16 (Micikevicius et al. 2018, section 3.2). */

/** What a checkpoint keeps of it. */
export interface LossScaleState {
  readonly scale: number
  /** Steps without an overflow since the scale last changed. */
  readonly steady: number
}

/** Steps without an overflow after which the scale grows. */
const growAfter = 2000

/**
 * The factor of the loss that keeps small gradients from vanishing in float16: it begins with 2^16, is halved by a step
 * whose gradients overflow, and doubled after 2000 steps without one, as PyTorch's GradScaler does.
 */
export class LossScale {
  #scale: number
  #steady: number

  constructor({ scale, steady }: LossScaleState = { scale: 2 ** 16, steady: 0 }) {
    this.#scale = scale
    this.#steady = steady
  }

  /** What the next step's loss is multiplied by. */
  get scale(): number {
    return this.#scale
  }

  get state(): LossScaleState {
    return { scale: this.#scale, steady: this.#steady }
  }

  /** To be told of every step: whether it was skipped since its gradients were not finite. */
  update(skipped: boolean): void {
    this.#steady = skipped ? 0 : this.#steady + 1
    if (skipped) this.#scale /= 2
    if (this.#steady < growAfter) return
    this.#steady = 0
    if (Number.isFinite(Math.fround(2 * this.#scale))) this.#scale *= 2
  }
}
