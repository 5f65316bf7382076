/** Lines of JavaScript, in the form that prettier gives them. */

const longestLine = 120
/** How far the lines of a function stand from the margin. */
export const inFunction = 2

/** A list on one line where that is short enough, else with a line for each item. The lines will stand `indent` further. */
export function enclosed(before: string, items: readonly string[], after: string, indent = 0): string[] {
  const line = before + items.join(', ') + after
  return indent + line.length <= longestLine ? [line] : apart(before, items, after)
}

function apart(before: string, items: readonly string[], after: string): string[] {
  return [before.trimEnd(), ...items.map((item) => `  ${item},`), after.trimStart()]
}

/** A property of an object, or of a pattern. */
export function keyed(key: string, value: string): string {
  if (key === value) return key
  return `${/^[A-Za-z_]\w*$/.test(key) ? key : `'${key}'`}: ${value}`
}

/** Properties of an object as variables of a function. */
export function destructured(names: readonly string[], from: string): string[] {
  return names.length === 0 ? [] : enclosed('const { ', names, ` } = ${from}`, inFunction)
}

/** Disposes tensors in a function. */
export function disposal(names: readonly string[]): string[] {
  if (names.length === 0) return []
  return names.length === 1 ? [`${names.join()}.dispose()`] : enclosed('tf.dispose([', names, '])', inFunction)
}

export function indented(lines: readonly string[]): string[] {
  return lines.map((line) => (line === '' ? line : `  ${line}`))
}

/** A plain value as JavaScript writes it, on a line that is indented and has `before` characters already. */
export function literal(value: unknown, indent = 0, before = 0): string {
  if (typeof value === 'string') return `'${value.replaceAll(/['\\]/g, '\\$&').replaceAll('\n', '\\n')}'`
  if (typeof value !== 'object' || value === null) return String(value)
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{ ', ' }']
  const items = Array.isArray(value)
    ? value.map((item) => literal(item, indent + 2))
    : Object.entries(value).flatMap(([key, item]) =>
        item === undefined ? [] : [keyed(key, literal(item, indent + 2, key.length + 2))],
      )
  if (items.length === 0) return open.trim() + close.trim()
  const lines = isTable(value) ? apart(open, items, close) : enclosed(open, items, close, indent + before)
  return lines.join(`\n${' '.repeat(indent)}`)
}

/** Whether prettier would have each item on a line of its own, however short it is. */
function isTable(value: object): boolean {
  const isLong = (item: unknown) => typeof item === 'object' && item !== null && Object.keys(item).length > 1
  return Array.isArray(value) && value.length > 1 && value.every(isLong)
}
