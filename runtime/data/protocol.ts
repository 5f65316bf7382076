/** What the pool and its threads say to each other. */
import type { Wanted } from './decode.js'
import type { Source } from './example.js'

/** An example to decode. */
export interface Task {
  readonly id: number
  readonly source: Source
  readonly wanted: Wanted
  /** Where in a video the clip begins: 0 up to 1. */
  readonly moment: number
}

/** What became of a task. */
export type Reply = { readonly id: number } & (
  | { readonly kind: 'decoded'; readonly pixels: Uint8Array }
  | { readonly kind: 'damaged'; readonly problem: string }
  | { readonly kind: 'failed'; readonly problem: string; readonly remedy: string }
  /** A fault of mdmc. */
  | { readonly kind: 'faulty'; readonly error: string }
)
