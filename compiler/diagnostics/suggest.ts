/** Nearest names and values, for "did you mean". */

/** Number of single-character edits (insert, delete, replace, swap of neighbours) between two words. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1)
      row.push(best)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}

/** The candidate nearest to `word`, if one is near enough, and nearer than all others, to be what was meant. */
export function nearestName(word: string, candidates: Iterable<string>): string | undefined {
  const limit = Math.floor(Math.min(word.length, 24) / 3)
  let best: { name: string; distance: number; alone: boolean } | undefined
  for (const name of new Set(candidates)) {
    if (Math.abs(name.length - word.length) > limit) continue
    const distance = editDistance(word.toLowerCase(), name.toLowerCase())
    if (distance > limit || (best && distance > best.distance)) continue
    best = { name, distance, alone: best?.distance !== distance }
  }
  return best?.alone ? best.name : undefined
}

/** ` (did you mean ...?)` as a help line, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const name = nearestName(word, candidates)
  return name === undefined ? undefined : `did you mean \`${name}\`?`
}

/** The positive multiple of `factor` nearest to `value`. */
export function nearestMultiple(value: number, factor: number): number {
  return Math.max(factor, Math.round(value / factor) * factor)
}

/** The smallest number that both divide. */
export function commonMultiple(a: number, b: number): number {
  let [x, y] = [a, b]
  while (y > 0) [x, y] = [y, x % y]
  return (a / x) * b
}

/** `a, b or c`. */
export function oneOf(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}`
}

/** As `oneOf`, but cut where the list is long. */
export function someOf(names: readonly string[], most = 12): string {
  return names.length > most ? `${names.slice(0, most).join(', ')}, ...` : oneOf(names)
}

/** `1 channel`, `3 channels`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
