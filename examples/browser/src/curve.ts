/** The loss over steps as a small plot. */
import { element } from './page.js'

const [width, height] = [400, 140]
const margin = { left: 44, right: 8, top: 8, bottom: 20 }
/** Share of a new loss in the smooth line. */
const share = 0.1

export class LossCurve {
  readonly #losses: number[] = []

  constructor(private readonly svg = element('curve', SVGSVGElement)) {}

  add(loss: number): void {
    if (!Number.isFinite(loss)) return
    this.#losses.push(loss)
    const smooth: number[] = []
    for (const value of this.#losses) smooth.push((smooth.at(-1) ?? value) * (1 - share) + value * share)
    const [low, high] = [Math.min(...this.#losses), Math.max(...this.#losses)]
    const span = high - low || 1
    const x = (i: number) => margin.left + ((width - margin.left - margin.right) * i) / Math.max(1, smooth.length - 1)
    const y = (value: number) => margin.top + ((height - margin.top - margin.bottom) * (high - value)) / span
    const line = (values: readonly number[]) => values.map((v, i) => `${x(i).toFixed(1)},${y(v).toFixed(1)}`).join(' ')
    const text = (value: string, at: string) => `<text ${at}>${value}</text>`
    const floor = height - margin.bottom
    this.svg.innerHTML =
      `<path class="axes" d="M${margin.left} ${margin.top}V${floor}H${width - margin.right}" />` +
      `<polyline class="each" points="${line(this.#losses)}" /><polyline class="smooth" points="${line(smooth)}" />` +
      text(high.toPrecision(3), `x="${margin.left - 4}" y="${margin.top + 8}" class="end"`) +
      text(low.toPrecision(3), `x="${margin.left - 4}" y="${floor}" class="end"`) +
      text('loss', `x="${width - margin.right}" y="${margin.top + 8}" class="end"`) +
      text(`${this.#losses.length} steps`, `x="${width - margin.right}" y="${height - 6}" class="end"`)
  }
}
