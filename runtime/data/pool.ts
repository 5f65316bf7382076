/** Threads that decode. */
import { Worker } from 'node:worker_threads'
import type { Wanted } from './decode.js'
import type { Source } from './example.js'
import { Damage, DataFailure } from './failure.js'
import type { Reply, Task } from './protocol.js'

interface Waiting {
  readonly resolve: (pixels: Uint8Array) => void
  readonly reject: (error: unknown) => void
}

interface Thread {
  readonly worker: Worker
  readonly waiting: Map<number, Waiting>
  /** Why it has ended, once it has. */
  broken: Error | undefined
}

/** As packaged, all files lie in one folder; as sources, TypeScript has to be loaded. */
const script = import.meta.url.endsWith('.ts') ? './worker-from-source.mjs' : './data-worker.js'

/** Some threads, each with examples to decode, for any data set. They keep the program from ending until closed. */
export class Pool {
  readonly #threads: readonly Thread[]
  #closed = false
  #next = 0

  constructor(count: number) {
    this.#threads = Array.from({ length: count }, () => this.#start())
  }

  /** As Decoder.decode, by the thread that has least to do. */
  decode(source: Source, wanted: Wanted, moment: number): Promise<Uint8Array> {
    const thread = this.#threads.reduce((a, b) => (b.waiting.size < a.waiting.size ? b : a))
    const task: Task = { id: this.#next++, source, wanted, moment }
    return new Promise((resolve, reject) => {
      if (thread.broken !== undefined) return reject(thread.broken)
      thread.waiting.set(task.id, { resolve, reject })
      thread.worker.postMessage(task)
    })
  }

  /** Ends the threads; what is still being decoded is never answered. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()))
  }

  #start(): Thread {
    const worker = new Worker(new URL(script, import.meta.url))
    const waiting = new Map<number, Waiting>()
    const thread: Thread = { worker, waiting, broken: undefined }
    const broken = (error: Error) => {
      if (this.#closed) return
      thread.broken ??= error
      for (const { reject } of waiting.values()) reject(thread.broken)
      waiting.clear()
    }
    worker.on('message', (reply: Reply) => {
      const request = waiting.get(reply.id)
      waiting.delete(reply.id)
      if (reply.kind === 'decoded') request?.resolve(reply.pixels)
      else request?.reject(errorOf(reply))
    })
    worker.on('error', broken)
    worker.on('exit', (code) => broken(new Error(`a thread that reads data ended with code ${code}`)))
    return thread
  }
}

function errorOf(reply: Exclude<Reply, { kind: 'decoded' }>): Error {
  if (reply.kind === 'damaged') return new Damage(reply.problem)
  if (reply.kind === 'failed') return new DataFailure(reply.problem, reply.remedy)
  return new Error(`while reading data: ${reply.error}`)
}
