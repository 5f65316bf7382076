/** Which side and how many frames each part of an imported nest works at. */
import type { Report, Span } from '../diagnostics/diagnostic.js'
import { unfitSide } from '../diagnostics/import.js'
import { halvesFrames, partsOf, type ReferencePart } from './part.js'

export interface Placed {
  readonly part: ReferencePart
  readonly name: string
  /** Side of one frame, and number of frames, at the part's first level. */
  readonly side: number
  readonly frames: number
}

/** The paper's innermost side, which configurations take for granted. */
const innermostSide = 64
/** The largest side of the language. */
const largest = 16_384

const halvings = (part: ReferencePart) => part.channels.length - 1

/**
 * Places the parts, outermost first. `given` is the side of the image (of the grid of frames for a video), where it
 * is known. Sides that do not work out are reported.
 */
export function placeParts(
  unet: ReferencePart,
  given: number | undefined,
  name: string,
  span: Span,
  report: Report,
): Placed[] | undefined {
  const parts = partsOf(unet)
  const framesFrom = (start: number) =>
    parts.slice(start).reduce((product, part) => product * (halvesFrames(part) ? 2 ** halvings(part) : 1), 1)
  const inSpace = (part: ReferencePart) => (part.inner && !halvesFrames(part) ? halvings(part) : 0)
  const outside = parts.reduce((sum, part) => sum + inSpace(part), 0)
  const all = outside + halvings(parts.at(-1) ?? unet)
  const grid = Math.sqrt(framesFrom(0))
  const side = given === undefined ? Math.max(innermostSide * 2 ** outside, 2 ** all) : given / grid
  if (!Number.isInteger(side / 2 ** all) || side > largest) {
    report(unfitSide({ side: given ?? side, halvings: all, smallest: 2 ** all * grid, largest: largest * grid }), span)
    return undefined
  }
  const names = new Set([name])
  let at = side
  return parts.map((part, i) => {
    const frames = framesFrom(i)
    const here = at
    at /= 2 ** inSpace(part)
    if (i === 0) return { part, name, side: here, frames }
    const plain = `${name}_${frames === 1 ? '' : `t${frames}_`}${here}`
    const own = names.has(plain) ? `${plain}_part${i + 1}` : plain
    names.add(own)
    return { part, name: own, side: here, frames }
  })
}
