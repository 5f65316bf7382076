/** How many cores the processor has. */
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

const listed = '/sys/devices/system/cpu'

/**
 * Cores that this process may use, where the system tells; undefined elsewhere. Two threads on one core gain nothing in
 * products of matrices. ONNX Runtime takes half of the hardware's threads where it does not know the processor, as in
 * many virtual machines: one of two cores.
 */
export function physicalCores(): number | undefined {
  try {
    const processors = readdirSync(listed).filter((name) => /^cpu\d+$/.test(name))
    const siblings = processors.map((name) => readFileSync(join(listed, name, 'topology/thread_siblings_list'), 'utf8'))
    return siblings.length === 0 ? undefined : Math.min(new Set(siblings).size, availableParallelism())
  } catch {
    return undefined
  }
}
