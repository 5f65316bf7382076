/** A thread of the pool: decodes one example after the other. */
import { parentPort } from 'node:worker_threads'
import { Decoder } from './decode.js'
import { Damage, DataFailure } from './failure.js'
import type { Reply, Task } from './protocol.js'
import { loadSharp } from './sharp.js'

const decoder = new Decoder()
const port = parentPort
let busy: Promise<void> = Promise.resolve()

port?.on('message', (task: Task) => {
  busy = busy.then(async () => {
    const reply = await replyTo(task)
    // Pixels are handed over, not copied; what lies in a shared buffer of Node is copied.
    const whole = reply.kind === 'decoded' && reply.pixels.byteLength === reply.pixels.buffer.byteLength
    port.postMessage(reply, whole && reply.pixels.buffer instanceof ArrayBuffer ? [reply.pixels.buffer] : [])
  })
})

async function replyTo({ id, source, wanted, moment }: Task): Promise<Reply> {
  try {
    await prepared
    return { id, kind: 'decoded', pixels: await decoder.decode(source, wanted, moment) }
  } catch (error) {
    if (error instanceof Damage) return { id, kind: 'damaged', problem: error.problem }
    if (error instanceof DataFailure) return { id, kind: 'failed', problem: error.problem, remedy: error.remedy }
    return { id, kind: 'faulty', error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

/** One image at a time by each worker, and nothing kept of it. */
const prepared = loadSharp().then((sharp) => {
  sharp.concurrency(1)
  sharp.cache(false)
})
prepared.catch(() => undefined)
