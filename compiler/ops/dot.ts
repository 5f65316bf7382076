/** The inner loop of all matrix products: dot products of rows with rows, summed in float64. */
import type { TensorData } from '../ir/tensor.js'

/** Rows of numbers one after the other, from element `start`. */
export interface Rows {
  readonly data: Float64Array
  readonly start: number
  readonly count: number
}

/** Where the product of row i of `a` and row j of `b` goes: element `start + i * stepA + j * stepB`. */
export interface Target {
  readonly data: Float32Array
  readonly start: number
  readonly stepA: number
  readonly stepB: number
}

/**
 * Writes dot(a[i], b[j]) + bias[j] for all rows i of a and j of b, each `length` long. Two rows of a meet four of b
 * at once, so that a number is loaded once for several products.
 */
export function dotRows(a: Rows, b: Rows, length: number, bias: TensorData | undefined, to: Target): void {
  const x = a.data
  const y = b.data
  for (let i = 0; i < a.count; i += 2) {
    // An odd last row is its own partner: the same numbers are written twice.
    const step = i + 1 < a.count ? 1 : 0
    const x0 = a.start + i * length
    const x1 = x0 + step * length
    const at0 = to.start + i * to.stepA
    const at1 = at0 + step * to.stepA
    let j = 0
    for (; j + 3 < b.count; j += 4) {
      const y0 = b.start + j * length
      const y1 = y0 + length
      const y2 = y1 + length
      const y3 = y2 + length
      let s00 = bias?.[j] ?? 0
      let s01 = bias?.[j + 1] ?? 0
      let s02 = bias?.[j + 2] ?? 0
      let s03 = bias?.[j + 3] ?? 0
      let s10 = s00
      let s11 = s01
      let s12 = s02
      let s13 = s03
      for (let k = 0; k < length; k++) {
        const p = x[x0 + k] ?? 0
        const q = x[x1 + k] ?? 0
        const u = y[y0 + k] ?? 0
        const v = y[y1 + k] ?? 0
        const w = y[y2 + k] ?? 0
        const z = y[y3 + k] ?? 0
        s00 += p * u
        s01 += p * v
        s02 += p * w
        s03 += p * z
        s10 += q * u
        s11 += q * v
        s12 += q * w
        s13 += q * z
      }
      to.data[at0 + j * to.stepB] = s00
      to.data[at0 + (j + 1) * to.stepB] = s01
      to.data[at0 + (j + 2) * to.stepB] = s02
      to.data[at0 + (j + 3) * to.stepB] = s03
      to.data[at1 + j * to.stepB] = s10
      to.data[at1 + (j + 1) * to.stepB] = s11
      to.data[at1 + (j + 2) * to.stepB] = s12
      to.data[at1 + (j + 3) * to.stepB] = s13
    }
    for (; j < b.count; j++) {
      const start = b.start + j * length
      let s0 = bias?.[j] ?? 0
      let s1 = s0
      for (let k = 0; k < length; k++) {
        const factor = y[start + k] ?? 0
        s0 += (x[x0 + k] ?? 0) * factor
        s1 += (x[x1 + k] ?? 0) * factor
      }
      to.data[at0 + j * to.stepB] = s0
      to.data[at1 + j * to.stepB] = s1
    }
  }
}
