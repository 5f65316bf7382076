/** A Python process with PyTorch that answers requests, a line of JSON each. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { EngineUnavailable } from '../../backends/unavailable.js'
import { InternalError } from '../../compiler/diagnostics/internal.js'
import { asObject, parseObject } from '../json.js'
import { driver } from './driver.js'

type Answer = Readonly<Record<string, unknown>>

/** The program that MDMC_PYTHON names, or python3 of the PATH. */
export function pythonProgram(): string {
  return process.env.MDMC_PYTHON ?? 'python3'
}

const remedy =
  'install PyTorch for it (python3 -m pip install "torch>=2.4" safetensors), or set MDMC_PYTHON to a Python that has it'

export class PythonProcess {
  readonly #lines: AsyncIterator<string>
  readonly #input: Writable
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(
    private readonly child: ChildProcess,
    output: Readable,
    input: Writable,
    readonly hasCuda: boolean,
    lines: AsyncIterator<string>,
  ) {
    this.#input = input
    this.#lines = lines
  }

  /** Throws EngineUnavailable where there is no Python, or none with PyTorch and safetensors. */
  static async start(): Promise<PythonProcess> {
    const program = pythonProgram()
    const child = spawn(program, ['-u', '-c', driver], { stdio: ['pipe', 'pipe', 'pipe'] })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000)
    })
    const failure = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message))
      child.once('close', () => resolve(said.trim().split('\n').at(-1) ?? ''))
    })
    // A process that has ended takes no more requests; its end is told by what it answers.
    child.stdin.on('error', () => undefined)
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const first = await Promise.race([lines.next(), failure])
    const hello = typeof first === 'string' || first.done ? undefined : parseObject(first.value)
    if (hello === undefined) {
      const why = typeof first === 'string' ? first : await failure
      throw new EngineUnavailable(`the engine torch runs PyTorch in ${program}, which does not start: ${why}`, remedy)
    }
    return new PythonProcess(child, child.stdout, child.stdin, hello.cuda === true, lines)
  }

  /** One request after the other. Throws where the process says that it failed. */
  async ask(request: Answer): Promise<Answer> {
    const answer = this.#turn.then(async () => {
      this.#input.write(`${JSON.stringify(request)}\n`)
      const line = await this.#lines.next()
      if (line.done)
        throw new EngineUnavailable('PyTorch ended without an answer', 'is there enough memory for the model?')
      const answered = asObject(parseObject(line.value))
      if (answered === undefined) throw new InternalError(`PyTorch answered ${line.value}`)
      if (typeof answered.error === 'string') throw new InternalError(`the generated package failed: ${answered.error}`)
      return answered
    })
    this.#turn = answer.catch(() => undefined)
    return answer
  }

  /** Lets the process end. */
  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('close', resolve))
    this.#input.end()
    await ended
  }
}
