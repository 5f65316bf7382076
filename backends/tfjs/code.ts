/** Pieces of JavaScript, which know the tensors that they read, and whether they depend on sizes of a run. */
import { isSymbolic, type Dimension } from '../../compiler/ir/dimension.js'

/** A tensor by its name in the program, or a number as it is written. */
export interface Variable {
  readonly name: string
  /** Whether it is made once, when the program is loaded, and kept. */
  readonly stored: boolean
  /** Whether it is a number, which no memory holds. */
  readonly literal?: true
}

export interface Code {
  readonly text: string
  readonly reads: readonly Variable[]
  readonly symbolic: boolean
}

type Hole = Variable | Dimension | Code | readonly Hole[]

/** JavaScript with tensors, sizes and arrays of them in its holes. */
export function code(strings: TemplateStringsArray, ...holes: readonly Hole[]): Code {
  const filled = holes.map(fill)
  return {
    text: strings.map((string, i) => string + (filled[i]?.text ?? '')).join(''),
    reads: filled.flatMap(({ reads }) => reads),
    symbolic: filled.some(({ symbolic }) => symbolic),
  }
}

/** A piece that is nothing but text. */
export function plain(text: string): Code {
  return { text, reads: [], symbolic: false }
}

/** One after the other, as arguments are. */
export function listed(holes: readonly Hole[]): Code {
  const items = holes.map(fill)
  return {
    text: items.map(({ text }) => text).join(', '),
    reads: items.flatMap(({ reads }) => reads),
    symbolic: items.some(({ symbolic }) => symbolic),
  }
}

function fill(hole: Hole): Code {
  if (isList(hole)) return code`[${listed(hole)}]`
  if (typeof hole === 'number') return plain(String(hole))
  if ('text' in hole) return hole
  if ('name' in hole) return { text: hole.name, reads: hole.literal ? [] : [hole], symbolic: !hole.stored }
  return { text: sizeText(hole), reads: [], symbolic: true }
}

function isList(hole: Hole): hole is readonly Hole[] {
  return Array.isArray(hole)
}

/** A size as JavaScript: `16 * batch`. */
function sizeText(size: Dimension): string {
  if (!isSymbolic(size)) return String(size)
  const { coefficient, symbols } = size
  return (coefficient === 1 ? symbols : [coefficient, ...symbols]).join(' * ')
}
