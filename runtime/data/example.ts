/** What a data set knows of each of its examples. All of it is plain data that can be sent to a worker. */

/** Where bytes lie: a whole file, or a part of one. */
export interface Place {
  readonly file: string
  readonly part?: { readonly position: number; readonly length: number }
}

/** What an example is decoded from. */
export type Source =
  | { readonly kind: 'image'; readonly place: Place }
  /** A video as images, in their order. */
  | { readonly kind: 'frames'; readonly places: readonly Place[] }
  /** A GIF or WebP with several images. */
  | { readonly kind: 'animation'; readonly place: Place }
  /** Whatever ffmpeg decodes. */
  | { readonly kind: 'video'; readonly place: Place }

/** What stands beside an image. */
export interface Words {
  readonly caption: string | undefined
  readonly label: string | undefined
}

export const noWords: Words = { caption: undefined, label: undefined }

/** An image or video, where it lies, and what is said of it. */
export interface Example extends Words {
  /** Where it lies in the data set; no two have the same. */
  readonly name: string
  /** Size as stored. */
  readonly bytes: number
  readonly source: Source
}

/** A caption as it is used: without white space around it; undefined if nothing is left. */
export function captionOf(text: unknown): string | undefined {
  const trimmed = typeof text === 'string' ? text.trim() : ''
  return trimmed === '' ? undefined : trimmed
}

/** A label from foreign data: a text, or a number in digits. */
export function labelOf(value: unknown): string | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : captionOf(value)
}

/** What a JSON object says of an image: `caption` or else `text`, and `label`. */
export function wordsOf(object: Readonly<Record<string, unknown>>): Words {
  return { caption: captionOf(object.caption) ?? captionOf(object.text), label: labelOf(object.label) }
}
