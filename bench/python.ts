/** Processes of Python that take turns with ours. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface Served {
  /** Does once what the process is there for, and gives what it says of it: a line. */
  run(): Promise<string>
  stop(): void
}

/** Starts a script that says `ready` once it is warm, answers every line `run` with a line, and ends with its input. */
export async function serve(script: string, options: readonly string[]): Promise<Served> {
  const child = spawn('python3', [script, ...options], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => String((await lines.next()).value)
  if ((await next()) !== 'ready') throw new Error(`${script} did not start`)
  return {
    run: async () => {
      child.stdin.write('run\n')
      return next()
    },
    stop: () => child.stdin.end('quit\n'),
  }
}
