/** The kernel of the optimiser (kernel.as) as its users see it. */
import { kernelWasm } from './kernel-wasm.js'

/** Sizes of arrays that the kernel takes are multiples of this, in bytes. */
export const granule = 64

/** Functions on arrays of float32 in one memory, given by their addresses; `bytes` is the size of each. */
export interface Kernel {
  /** The sum of squares, in float64: finite exactly if all elements are. */
  squares(array: number, bytes: number): number
  /** y = scale y + factor x. */
  combine(y: number, x: number, bytes: number, scale: number, factor: number): void
  /**
   * A step of Adam and of the moving average, in place; `average` 0: there is none. With g = scale * gradient:
   * m += gain1 (g - m), v = beta2 v + gain2 g^2, p = kept p - rate m / (sqrt(v) + epsilon), a += averageGain (p - a).
   */
  adam(
    values: number,
    first: number,
    second: number,
    average: number,
    gradient: number,
    bytes: number,
    scale: number,
    kept: number,
    gain1: number,
    beta2: number,
    gain2: number,
    rate: number,
    epsilon: number,
    averageGain: number,
  ): void
}

let compiled: WebAssembly.Module | undefined

/** The kernel for a memory. */
export function kernelOf(memory: WebAssembly.Memory): Kernel {
  compiled ??= new WebAssembly.Module(Buffer.from(kernelWasm, 'base64'))
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports as Kernel
}
