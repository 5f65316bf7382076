/** Finds keys that a JSON object repeats: JSON.parse keeps the last silently. */

/** The place after the string that begins with the quote at `start`. */
function afterString(text: string, start: number): number {
  let end = start + 1
  while (text[end] !== '"') end += text[end] === '\\' ? 2 : 1
  return end + 1
}

/** The first key that some object of `text` has twice. `text` is valid JSON. */
export function repeatedKey(text: string): string | undefined {
  /** Keys seen so far, per open object; undefined for an open array. */
  const open: (Set<string> | undefined)[] = []
  let word = ''
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"') {
      const end = afterString(text, at)
      word = text.slice(at, end)
      at = end - 1
    } else if (character === '{') open.push(new Set())
    else if (character === '[') open.push(undefined)
    else if (character === '}' || character === ']') open.pop()
    else if (character === ':') {
      const key: unknown = JSON.parse(word)
      const keys = open.at(-1)
      if (typeof key !== 'string' || keys === undefined) continue
      if (keys.has(key)) return key
      keys.add(key)
    }
  }
  return undefined
}
