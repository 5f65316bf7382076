/** Event files, which TensorBoard shows (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto). */
import { readdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { AppendedFile } from './append.js'
import { pngSize } from './png-size.js'
import { bytesField, doubleField, floatField, integerField, message } from './protobuf.js'
import { tfRecord } from './tfrecord.js'

const fileVersion = 'brain.Event:2'
const sessionStart = 1
const prefix = 'events.out.tfevents.'
const redGreenBlue = 3

/** The event file of one sitting of a run. It is made when there is something to write. */
export class EventFile {
  #file: AppendedFile | undefined
  #firstStep: number | undefined

  constructor(private readonly folder: string) {}

  /** Has TensorBoard forget what files of sittings before say about this step and those after it. */
  restart(firstStep: number): void {
    this.#firstStep = firstStep
  }

  scalars(step: number, time: number, values: Iterable<readonly [name: string, value: number]>): void {
    const fields = Array.from(values, ([name, value]) =>
      bytesField(1, message(bytesField(1, name), floatField(2, value))),
    )
    this.#append(time, integerField(2, step), bytesField(5, message(...fields)))
  }

  image(step: number, time: number, name: string, png: Uint8Array): void {
    const { width, height } = pngSize(png)
    const image = message(
      integerField(1, height),
      integerField(2, width),
      integerField(3, redGreenBlue),
      bytesField(4, png),
    )
    const value = message(bytesField(1, name), bytesField(4, image))
    this.#append(time, integerField(2, step), bytesField(5, bytesField(1, value)))
  }

  close(): void {
    this.#file?.close()
    this.#file = undefined
  }

  #append(time: number, ...fields: readonly Buffer[]): void {
    this.#file ??= this.#begin(time)
    this.#file.append(event(time, ...fields))
  }

  #begin(time: number): AppendedFile {
    const file = new AppendedFile(join(this.folder, nextName(this.folder, time)))
    file.append(event(time, bytesField(3, fileVersion)))
    if (this.#firstStep !== undefined)
      file.append(event(time, integerField(2, this.#firstStep), bytesField(7, integerField(1, sessionStart))))
    return file
  }
}

function event(time: number, ...fields: readonly Buffer[]): Buffer {
  return tfRecord(message(doubleField(1, time), ...fields))
}

/** TensorBoard reads the files of a folder in the order of their names: each must come after those before it. */
function nextName(folder: string, time: number): string {
  const before = readdirSync(folder).flatMap((name) =>
    name.startsWith(prefix) ? [Number(name.slice(prefix.length).split('.')[0])] : [],
  )
  const second = Math.max(Math.floor(time), ...before.filter(Number.isFinite).map((value) => value + 1))
  return `${prefix}${String(second).padStart(10, '0')}.${hostname()}`
}
