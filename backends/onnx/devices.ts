/** The devices of ONNX Runtime: their names, and what to do where one is missing. */
import { EngineUnavailable } from '../unavailable.js'

/** Device names as users write them: those that ONNX Runtime calls execution providers. */
export const devices = ['cpu', 'cuda', 'webgpu', 'dml', 'coreml'] as const
export type Device = (typeof devices)[number]

export function isDevice(name: string): name is Device {
  return devices.some((device) => device === name)
}

const remedies: Readonly<Record<Device, string>> = {
  cpu: 'reinstall the package onnxruntime-node for this operating system and processor',
  cuda:
    'CUDA needs 64-bit Linux or Windows, an NVIDIA driver, CUDA 12 or 13 with cuDNN 9, and the CUDA files of ONNX Runtime, which ' +
    'onnxruntime-node fetches: `node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12`',
  webgpu:
    "WebGPU needs a graphics driver: Vulkan on Linux (libvulkan1 and the vendor's driver), Direct3D 12 on Windows, " +
    'Metal on macOS. A software driver works as well: point VK_ICD_FILENAMES to its description, for example ' +
    'vk_swiftshader_icd.json of Chromium',
  dml: 'DirectML exists on Windows only',
  coreml: 'Core ML exists on macOS only',
}

/** Turns ONNX Runtime's own words about a missing device into what is missing and how to get it. */
export function deviceMissing(device: Device, cause: unknown): EngineUnavailable {
  return new EngineUnavailable(
    `ONNX Runtime cannot use the device \`${device}\` here: ${firstLine(cause)}`,
    remedies[device],
  )
}

/** What went wrong, without the place in ONNX Runtime's source. */
export function firstLine(cause: unknown): string {
  const [line = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n')
  return (line.split(/was false\. |ERR: /).at(-1) ?? line).trim().slice(-200)
}
