/** Pieces of JavaScript, which know the tensors that they read, and the sizes of a run that they depend on. */
import { isSymbolic, type Dimension } from '../../compiler/ir/dimension.js'

/** A tensor of the program, or a number as it is written. */
export interface Variable {
  readonly name: string
  /** Whether it is made once, when the program is loaded, and kept. */
  readonly stored: boolean
  /** Whether it is a number, which no memory holds. */
  readonly literal?: true
}

export interface Code {
  /** Text as it is, and the tensors in between, which get their names when the program is written. */
  readonly pieces: readonly (string | Variable)[]
  /** Names of the sizes. */
  readonly symbols: readonly string[]
}

type Hole = Variable | Dimension | Code | readonly Hole[]

/** JavaScript with tensors, sizes and arrays of them in its holes. */
export function code(strings: TemplateStringsArray, ...holes: readonly Hole[]): Code {
  const filled = holes.map(fill)
  return joined(strings.flatMap((string, i) => [plain(string), ...filled.slice(i, i + 1)]))
}

/** A piece that is nothing but text. */
export function plain(text: string): Code {
  return { pieces: [text], symbols: [] }
}

/** One after the other, as arguments are. */
export function listed(holes: readonly Hole[]): Code {
  return joined(holes.flatMap((hole, i) => (i === 0 ? [fill(hole)] : [plain(', '), fill(hole)])))
}

/** The tensors that a piece reads. */
export function readsOf({ pieces }: Code): Variable[] {
  return [...new Set(pieces.filter((piece) => typeof piece !== 'string'))]
}

/** Whether a piece differs from one run to the next. */
export function isOfRun(piece: Code): boolean {
  return piece.symbols.length > 0 || readsOf(piece).some(({ stored }) => !stored)
}

/** A piece as it is written, where the tensors have these names. */
export function textOf({ pieces }: Code, nameOf: (name: string) => string = (name) => name): string {
  return pieces.map((piece) => (typeof piece === 'string' ? piece : nameOf(piece.name))).join('')
}

function joined(parts: readonly Code[]): Code {
  return {
    pieces: parts.flatMap(({ pieces }) => pieces),
    symbols: [...new Set(parts.flatMap(({ symbols }) => symbols))],
  }
}

function fill(hole: Hole): Code {
  if (isList(hole)) return code`[${listed(hole)}]`
  if (typeof hole === 'number') return plain(String(hole))
  if ('pieces' in hole) return hole
  if ('name' in hole) return { pieces: [hole.literal ? hole.name : hole], symbols: [] }
  return { pieces: [sizeText(hole)], symbols: isSymbolic(hole) ? hole.symbols : [] }
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
