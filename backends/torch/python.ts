/** Python as text: expressions with their precedence, names, and definitions laid out as ruff lays them out. */

/** Longest line of the generated code, which its pyproject.toml tells ruff. */
export const lineLength = 120

/** How tightly an expression binds. */
export const levels = {
  conditional: 0,
  or: 1,
  and: 2,
  not: 3,
  compare: 4,
  add: 5,
  multiply: 6,
  negate: 7,
  atom: 8,
} as const

/** An expression. */
export interface Py {
  readonly text: string
  readonly level: number
}

export function atom(text: string): Py {
  return { text, level: levels.atom }
}

export function literal(value: number | boolean): Py {
  if (typeof value === 'boolean') return atom(value ? 'True' : 'False')
  return value < 0 ? { text: String(value), level: levels.negate } : atom(String(value))
}

/** The text of an expression as an operand of something that binds as `level` does. */
export function operand(e: Py, level: number): string {
  return e.level < level ? `(${e.text})` : e.text
}

/** `a.name(arguments)` and the like: what follows an atom. */
export function after(e: Py, rest: string): Py {
  return atom(operand(e, levels.atom) + rest)
}

export function call(callee: string, ...given: readonly (string | Py)[]): Py {
  return atom(`${callee}(${given.map((one) => (typeof one === 'string' ? one : one.text)).join(', ')})`)
}

const operators: Readonly<Record<string, number>> = {
  or: levels.or,
  and: levels.and,
  '==': levels.compare,
  '!=': levels.compare,
  '<': levels.compare,
  '<=': levels.compare,
  '>': levels.compare,
  '>=': levels.compare,
  is: levels.compare,
  'is not': levels.compare,
  '+': levels.add,
  '-': levels.add,
  '*': levels.multiply,
  '/': levels.multiply,
  '//': levels.multiply,
  '%': levels.multiply,
}

export function binary(operator: string, left: Py, right: Py): Py {
  const level = operators[operator] ?? levels.conditional
  const chained = level === levels.compare ? level + 1 : level
  return { text: `${operand(left, chained)} ${operator} ${operand(right, level + 1)}`, level }
}

export function not(e: Py): Py {
  return { text: `not ${operand(e, levels.not)}`, level: levels.not }
}

export function conditional(then: Py, condition: Py, otherwise: Py): Py {
  const [a, c] = [then, condition].map((e) => operand(e, levels.conditional + 1))
  return { text: `${a} if ${c} else ${otherwise.text}`, level: levels.conditional }
}

export function tuple(items: readonly Py[]): Py {
  const inside = items.map(({ text }) => text).join(', ')
  return atom(items.length === 1 ? `(${inside},)` : `(${inside})`)
}

const keywords =
  'False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield'.split(
    ' ',
  )
/** Names that generated code itself relies on. */
const ownNames =
  'self torch nn F Tensor math abs bool dict enumerate float int len list max min print range set sorted str sum super tuple zip'.split(
    ' ',
  )

/** A variable's name; one that means something else already gets an underscore. */
export function variableName(name: string, taken: (name: string) => boolean = () => false): string {
  const plain = name === '_' ? '__' : name
  return keywords.includes(plain) || ownNames.includes(plain) || taken(plain) ? `${plain}_` : plain
}

/** Whether Python has reserved a word. */
export function isKeyword(word: string): boolean {
  return keywords.includes(word)
}

/** Whether something can be an attribute of an nn.Module without hiding what nn.Module itself has there. */
export function canBeAttribute(name: string): boolean {
  return /^[A-Za-z_]\w*$/.test(name) && !keywords.includes(name) && !moduleAttributes.has(name)
}

/** What every nn.Module has (PyTorch 2.13). */
const moduleAttributes = new Set(
  'T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules mtia named_buffers named_children named_modules named_parameters parameters register_backward_hook register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty train training type xpu zero_grad'.split(
    ' ',
  ),
)

/** `residual_block` as `ResidualBlock`. */
export function className(name: string): string {
  return name
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
}

export function indented(lines: readonly string[], depth = 1): string[] {
  return lines.map((line) => (line === '' ? '' : '    '.repeat(depth) + line))
}

/**
 * `head(items)tail`, on one line where it fits, else an item a line. `depth`: levels of indentation around it; `behind`:
 * characters that follow it.
 */
export function listed(head: string, items: readonly string[], tail: string, depth: number, behind = 0): string[] {
  const one = `${head}${items.join(', ')}${tail}`
  if (one.length + behind + 4 * depth <= lineLength && !items.some((item) => item.includes('\n'))) return [one]
  return [head, ...items.flatMap((item) => indented(`${item},`.split('\n'))), tail]
}

/** `head[items]tail` where `head` opens a parenthesis of its own, laid out as ruff does. */
export function bracketed(head: string, brackets: '[]' | '{}', items: readonly string[], tail: string, depth: number) {
  const [open, close] = [brackets.charAt(0), brackets.charAt(1)]
  const inside = listed(open, items, close, depth + 1)
  const one = `${head}${inside[0] ?? ''}${tail}`
  if (inside.length === 1 && one.length + 4 * depth <= lineLength) return [one]
  return [head, ...indented(inside), tail]
}

/** A docstring; `text` may have several lines. `depth`: levels of indentation around it. */
export function docstring(text: string, depth = 1): string[] {
  const clean = text.trim().replaceAll('\\', '\\\\').replaceAll('"""', "'''")
  const width = lineLength - 4 * depth
  const lines = clean.split('\n').flatMap((line) => wrapped(line.trimEnd(), width - 3))
  if (lines.length === 1 && clean.length + 6 <= width)
    return [`"""${lines[0] ?? ''}${clean.endsWith('"') ? ' ' : ''}"""`]
  return [`"""${lines[0] ?? ''}`, ...lines.slice(1), '"""']
}

function wrapped(line: string, width: number): string[] {
  if (line.length <= width) return [line]
  const at = line.lastIndexOf(' ', width)
  return at <= 0 ? [line] : [line.slice(0, at), ...wrapped(line.slice(at + 1), width)]
}

/** `from MODULE import NAMES` */
export function importLine(module: string, names: readonly string[]): string[] {
  const sorted = inImportOrder(names)
  const one = `from ${module} import ${sorted.join(', ')}`
  if (one.length <= lineLength) return [one]
  return [`from ${module} import (`, ...sorted.map((name) => `    ${name},`), ')']
}

/** Constants, then classes, then functions, as ruff sorts imports. */
export function inImportOrder(names: readonly string[]): string[] {
  return [...new Set(names)].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

function rank(name: string): number {
  if (name.length > 1 && name === name.toUpperCase()) return 0
  return /^[A-Z]/.test(name) ? 1 : 2
}

/** A number as Python writes a float. */
export function float(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e15 ? `${value}.0` : String(value)
}
