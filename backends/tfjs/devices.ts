/** The devices of tfjs: the packages that they need, and what to do where one is missing. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import util from 'node:util'
import { EngineUnavailable } from '../unavailable.js'

export type Tfjs = typeof import('@tensorflow/tfjs-core')

/** Device names as users write them: those that tfjs calls backends. */
export const devices = ['wasm', 'cpu', 'webgpu', 'tensorflow'] as const
export type Device = (typeof devices)[number]

export function isDevice(name: string): name is Device {
  return devices.some((device) => device === name)
}

/** Packages that are looked for when they are asked for, the better one first. */
const optionalPackages: Readonly<Record<Device, readonly string[]>> = {
  wasm: [],
  cpu: [],
  webgpu: ['webgpu'],
  tensorflow: ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'],
}

const remedies: Readonly<Record<Device, string>> = {
  wasm: 'reinstall the package @tensorflow/tfjs-backend-wasm',
  cpu: 'reinstall the package @tensorflow/tfjs-backend-cpu',
  webgpu:
    'WebGPU needs `npm install webgpu@0.6.2` and a graphics driver: Vulkan on Linux (libvulkan1 and that of the vendor), ' +
    'Direct3D 12 on Windows, Metal on macOS. A software driver works as well: point VK_ICD_FILENAMES to its ' +
    'description, for example vk_swiftshader_icd.json of Chromium',
  tensorflow:
    'install it with its script, which downloads TensorFlow: ' +
    '`npm install @tensorflow/tfjs-node@4.22.0 --ignore-scripts=false`, or @tensorflow/tfjs-node-gpu@4.22.0 for NVIDIA ' +
    'cards with CUDA 11. Where it is there without TensorFlow: ' +
    '`npm rebuild @tensorflow/tfjs-node --ignore-scripts=false`. Where it cannot be downloaded (Linux): ' +
    'scripts/build-tfjs-node.sh of the source of mdmc builds it',
}

/** tfjs with the device as a backend that is ready. Throws EngineUnavailable with the remedy where it is missing. */
export async function loadDevice(device: Device): Promise<Tfjs> {
  try {
    const tf = await import('@tensorflow/tfjs-core')
    // Without it the cpu backend prints an advertisement on its first use.
    tf.enableProdMode()
    await register[device]()
    if (await tf.setBackend(device)) return tf
  } catch (cause) {
    throw deviceMissing(device, cause)
  }
  throw deviceMissing(device, 'it cannot be initialised')
}

function deviceMissing(device: Device, cause: unknown): EngineUnavailable {
  const [reason = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n')
  return new EngineUnavailable(`tfjs cannot use the device \`${device}\` here: ${reason.trim()}`, remedies[device])
}

/** Importing a backend registers it. */
const register: Readonly<Record<Device, () => Promise<unknown>>> = {
  wasm: () => import('@tensorflow/tfjs-backend-wasm'),
  cpu: () => import('@tensorflow/tfjs-backend-cpu'),
  webgpu: async () => {
    offerWebgpu((await import(found('webgpu'))) as WebgpuPackage)
    await import('@tensorflow/tfjs-backend-webgpu')
  },
  tensorflow: async () => {
    restoreUtil()
    // TensorFlow would tell of the processor's instructions.
    process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'
    await import(found('tensorflow'))
  },
}

interface WebgpuPackage {
  readonly create: (options: readonly string[]) => object
  readonly globals: object
}

/** tfjs looks for WebGPU where browsers have it, and does so as it is imported. */
function offerWebgpu({ create, globals }: WebgpuPackage): void {
  Object.assign(globalThis, globals)
  const gpu = create([])
  const known = (globalThis as { navigator?: object }).navigator
  if (known === undefined) Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true })
  else if (!('gpu' in known)) Object.defineProperty(known, 'gpu', { value: gpu, configurable: true })
}

/** What tfjs-node 4.22 calls and Node 23 has dropped. */
function restoreUtil(): void {
  const dropped = {
    isArray: (value: unknown) => Array.isArray(value),
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
  }
  for (const [name, value] of Object.entries(dropped))
    if (!(name in util)) Object.defineProperty(util, name, { value, configurable: true, writable: true })
}

function found(device: Device): string {
  const url = packageUrl(device)
  if (url === undefined) throw new Error(`the package ${optionalPackages[device].join(' or ')} is not installed`)
  return url
}

/** Where the first of the device's packages is that is installed beside mdmc, or where mdmc was started. */
export function packageUrl(device: Device): string | undefined {
  const places = [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json'))]
  for (const name of optionalPackages[device]) {
    for (const place of places) {
      try {
        return pathToFileURL(createRequire(place).resolve(name)).href
      } catch {
        continue
      }
    }
  }
  return undefined
}
