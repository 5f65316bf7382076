/** Whether tfjs can compute on a device here, found out in a process of its own: a driver may print or crash. */
import { spawnSync } from 'node:child_process'
import { packageUrl, type Device } from './devices.js'

const scripts: Readonly<Partial<Record<Device, string>>> = {
  webgpu: `
    const { create } = await import(process.argv[1])
    const adapter = await create([]).requestAdapter()
    process.exit(adapter ? 0 : 1)
  `,
  tensorflow: `
    const { default: util } = await import('node:util')
    util.isNullOrUndefined ??= (value) => value == null
    await import(process.argv[1])
  `,
}

/** Whether the smallest of computations would get as far as the device. */
export function works(device: Device): boolean {
  const script = scripts[device]
  if (script === undefined) return true
  const url = packageUrl(device)
  if (url === undefined) return false
  const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', script, url], { stdio: 'ignore' })
  return status === 0
}
