/**
 * Lays out a document of tokens and possible line breaks within a width. Comments of the source are put at the break
 * that follows them, so that formatting twice changes nothing.
 */

/** A comment and how it stood in the source. */
export interface Remark {
  readonly text: string
  readonly start: number
}

/**
 * What a break separates; this decides which blank lines of the source stay: none inside of an item, none behind an
 * opening brace or before a closing one, one between items, always one before a declaration.
 */
export type Boundary = 'inside' | 'first' | 'item' | 'last' | 'declaration' | 'end'

interface PlacedRemark {
  readonly text: string
  /** Whether it has a line of its own. */
  readonly own: boolean
  /** Whether a blank line stood before it. */
  readonly blank: boolean
}

export interface Break {
  readonly kind: 'break'
  /** What stands here where the group fits on one line. */
  readonly flat: string
  readonly boundary: Boundary
  readonly hard: boolean
  /** Filled in from the source by `place`. */
  remarks: readonly PlacedRemark[]
  blank: boolean
}

export interface Group {
  readonly kind: 'group'
  readonly content: Layout
  broken: boolean
}

export type Layout =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'token'; readonly text: string; readonly start: number }
  | { readonly kind: 'join'; readonly parts: readonly Layout[] }
  | { readonly kind: 'indent'; readonly content: Layout }
  | Group
  | Break

const width = 120
const step = 2

export function text(value: string): Layout {
  return { kind: 'text', text: value }
}

export function join(...parts: readonly Layout[]): Layout {
  return { kind: 'join', parts }
}

export function indent(...parts: readonly Layout[]): Layout {
  return { kind: 'indent', content: join(...parts) }
}

export function group(...parts: readonly Layout[]): Group {
  return { kind: 'group', content: join(...parts), broken: false }
}

/** A place where a line may end; `flat` stands there where it does not. */
export function mayBreak(flat: string, boundary: Boundary = 'inside'): Break {
  return { kind: 'break', flat, boundary, hard: false, remarks: [], blank: false }
}

export function mustBreak(boundary: Boundary): Break {
  return { kind: 'break', flat: '', boundary, hard: true, remarks: [], blank: false }
}

/** Whether a blank line stands right before a place of the source. */
function blankBefore(source: string, start: number): boolean {
  let lines = 0
  for (let i = start - 1; i >= 0 && /\s/.test(source[i] ?? ''); i--) if (source[i] === '\n') lines++
  return lines > 1
}

function ownLine(source: string, start: number): boolean {
  let i = start - 1
  while (i >= 0 && /[^\S\n]/.test(source[i] ?? '')) i--
  return i < 0 || source[i] === '\n'
}

/**
 * Puts the remarks of the source and its blank lines at the breaks of a layout. A remark between two tokens that no
 * break separates moves to the next break.
 */
export function place(layout: Layout, source: string, remarks: readonly Remark[]): void {
  let next = 0
  let carried: PlacedRemark[] = []
  let candidate: { readonly at: Break; readonly groups: readonly Group[] } | undefined

  const settle = (start: number) => {
    const between: PlacedRemark[] = []
    for (let remark = remarks[next]; remark && remark.start < start; remark = remarks[++next]) {
      between.push({
        text: remark.text.trimEnd(),
        own: ownLine(source, remark.start),
        blank: blankBefore(source, remark.start),
      })
    }
    const all = [...carried, ...between]
    if (candidate === undefined) {
      carried = all.map((remark) => ({ ...remark, own: false }))
      return
    }
    const { at, groups } = candidate
    at.remarks = all
    at.blank = blankBefore(source, start)
    const keepsBlank = at.boundary === 'item' || at.boundary === 'declaration'
    if (at.hard || all.length > 0 || (keepsBlank && at.blank)) for (const outer of groups) outer.broken = true
    carried = []
    candidate = undefined
  }

  const visit = (part: Layout, groups: readonly Group[]): void => {
    switch (part.kind) {
      case 'text':
        return
      case 'token':
        settle(part.start)
        return
      case 'join':
        for (const child of part.parts) visit(child, groups)
        return
      case 'indent':
        visit(part.content, groups)
        return
      case 'group':
        visit(part.content, [...groups, part])
        return
      case 'break':
        candidate = { at: part, groups }
    }
  }
  visit(layout, [])
  settle(source.length + 1)
}

interface Command {
  readonly level: number
  readonly flat: boolean
  readonly part: Layout
}

/** Whether `first`, on one line, and what follows it up to the next line end take at most `room` columns. */
function fits(first: Layout, rest: readonly Command[], room: number): boolean {
  const todo: { readonly part: Layout; readonly flat: boolean }[] = [{ part: first, flat: true }]
  let following = rest.length
  while (room >= 0) {
    const command = todo.pop() ?? rest[--following]
    if (command === undefined) return true
    const { part, flat } = command
    switch (part.kind) {
      case 'text':
      case 'token':
        room -= part.text.length
        break
      case 'join':
        todo.push(...part.parts.map((child) => ({ part: child, flat })).reverse())
        break
      case 'indent':
        todo.push({ part: part.content, flat })
        break
      case 'group':
        todo.push({ part: part.content, flat: flat && !part.broken })
        break
      case 'break':
        if (!flat || part.hard || part.remarks.length > 0) return true
        room -= part.flat.length
    }
  }
  return false
}

/** The text of a layout, with a line end behind the last line. */
export function render(layout: Layout): string {
  const page = new Page()
  const todo: Command[] = [{ level: 0, flat: false, part: layout }]
  for (let command = todo.pop(); command; command = todo.pop()) {
    const { level, flat, part } = command
    switch (part.kind) {
      case 'text':
      case 'token':
        page.write(part.text)
        break
      case 'join':
        todo.push(...part.parts.map((child) => ({ level, flat, part: child })).reverse())
        break
      case 'indent':
        todo.push({ level: level + step, flat, part: part.content })
        break
      case 'group':
        todo.push({ level, flat: !part.broken && fits(part.content, todo, width - page.column), part: part.content })
        break
      case 'break':
        if (flat && !part.hard) page.write(part.flat)
        else page.breakLine(part, level)
    }
  }
  return page.finish()
}

class Page {
  readonly #lines: string[] = []
  #line: string | undefined

  get column(): number {
    return this.#line?.length ?? 0
  }

  write(value: string): void {
    this.#line = (this.#line ?? '') + value
  }

  /** Ends the line, but for the break before the first line of a file. */
  #next(level: number, blank: boolean): void {
    if (this.#line !== undefined) {
      this.#lines.push(this.#line.trimEnd())
      if (blank) this.#lines.push('')
    }
    this.#line = ' '.repeat(level)
  }

  breakLine({ remarks, blank, boundary }: Break, level: number): void {
    const [first, ...more] = remarks
    const trailing = first !== undefined && !first.own && this.#line !== undefined
    if (trailing) this.write(` ${first.text}`)
    const rest = trailing || first === undefined ? more : [first, ...more]
    const blanks = rest.map((remark, i) => remark.blank && boundary !== 'inside' && !(boundary === 'first' && i === 0))
    const last =
      blank && (boundary === 'item' || boundary === 'declaration' || (boundary === 'first' && rest.length > 0))
    const all = [...blanks, last]
    if (boundary === 'declaration' && !all.includes(true)) all[0] = true
    rest.forEach((remark, i) => {
      this.#next(boundary === 'last' ? level + step : level, all[i] ?? false)
      this.write(remark.text)
    })
    this.#next(level, all.at(-1) ?? false)
  }

  finish(): string {
    const text = [...this.#lines, this.#line ?? ''].join('\n').trimEnd()
    return text === '' ? '' : `${text}\n`
  }
}
