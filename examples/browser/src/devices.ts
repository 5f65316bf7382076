/** The backends of tfjs that a browser may have. */
import * as tf from '@tensorflow/tfjs-core'
import simd from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm?url'
import plain from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.wasm?url'

/** As tfjs calls its backends; the fastest first. */
export const devices = ['webgpu', 'webgl', 'wasm'] as const
export type Device = (typeof devices)[number]

interface Support {
  /** Whether the browser has what the device needs. */
  readonly isThere: () => Promise<boolean>
  /** Importing a backend registers it. */
  readonly register: () => Promise<unknown>
}

const supports: Readonly<Record<Device, Support>> = {
  webgpu: {
    isThere: async () => 'gpu' in navigator && (await (navigator.gpu as Gpu).requestAdapter()) !== null,
    register: () => import('@tensorflow/tfjs-backend-webgpu'),
  },
  webgl: {
    // Textures of 32-bit floats are needed: with 16 bits, sampling and training lose their way.
    isThere: async () => new OffscreenCanvas(1, 1).getContext('webgl2')?.getExtension('EXT_color_buffer_float') != null,
    register: () => import('@tensorflow/tfjs-backend-webgl'),
  },
  wasm: {
    isThere: async () => 'WebAssembly' in globalThis,
    register: async () => {
      const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
      // Its threads start from the source text of a function, which does not survive bundling.
      tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false)
      setWasmPaths({
        'tfjs-backend-wasm.wasm': plain,
        'tfjs-backend-wasm-simd.wasm': simd,
        'tfjs-backend-wasm-threaded-simd.wasm': simd, // asked for by name, never loaded
      })
    },
  },
}

interface Gpu {
  requestAdapter(): Promise<object | null>
}

/** The devices that are there, the best first. */
export async function availableDevices(): Promise<Device[]> {
  const there = await Promise.all(devices.map((device) => supports[device].isThere()))
  return devices.filter((_, i) => there[i])
}

/** Makes tfjs compute on the device. Throws where it cannot. */
export async function useDevice(device: Device): Promise<void> {
  tf.enableProdMode()
  await supports[device].register()
  if (!(await tf.setBackend(device))) throw new Error(`tfjs cannot use ${device} in this browser`)
}
