/** Several paths in one word, as in `shards-{000..009}.tar` and `{train,more}.tar`. */

/** All paths that a pattern stands for, in its order. A word without such braces stands for itself. */
export function expandBraces(pattern: string): string[] {
  const found = /\{(?:(\d+)\.\.(\d+)|([^{}]*,[^{}]*))\}/.exec(pattern)
  if (found === null) return [pattern]
  const [whole, first, last, list] = found
  const values = list === undefined ? numbers(first ?? '', last ?? '') : list.split(',')
  const rest = expandBraces(pattern.slice(found.index + whole.length))
  return values.flatMap((value) => rest.map((end) => pattern.slice(0, found.index) + value + end))
}

/** From one number to another, as many digits as they are written with. */
function numbers(first: string, last: string): string[] {
  const digits = first.startsWith('0') || last.startsWith('0') ? Math.max(first.length, last.length) : 0
  const [from, to] = [Number(first), Number(last)]
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => String(from + i).padStart(digits, '0'))
}
