/** Gives the sizes of a tensor names where a body asks for several of them: `batch, channels, height, width = x.shape`. */
import type { Body } from './translate.js'

const axisNames: Readonly<Record<number, readonly string[]>> = {
  3: ['batch', 'tokens', 'features'],
  4: ['batch', 'channels', 'height', 'width'],
}

/** Names of axes as the remark above a block has them (`x: [batch, heads, tokens, features]`), else the usual ones. */
function namesOf(name: string, rank: number, comment: string): readonly string[] | undefined {
  const written = new RegExp(`\\b${name}: \\[([a-z_, ]+)\\]`).exec(comment)?.[1]?.split(', ') ?? []
  return written.length === rank && written.every((one) => /^[a-z_]+$/.test(one)) ? written : axisNames[rank]
}

export function withSizes(body: Body, given: readonly string[], lines: readonly string[], comment = ''): string[] {
  let result = [...lines]
  for (const name of given) {
    const value = body.runs[0]?.[0]?.at.given.get(name)
    const names = value?.kind === 'tensor' ? namesOf(name, value.tensor.type.shape.length, comment) : undefined
    const text = result.join('\n')
    const local = body.local(name)
    const asked = [...text.matchAll(new RegExp(`\\b${local}\\.shape\\[(-?\\d)\\]`, 'g'))].map(([, axis]) =>
      Number(axis),
    )
    const isChanged = body.variables.has(name)
    if (!names || isChanged || asked.length < 3) continue
    if (names.some((one) => new RegExp(`\\b(?<!\\.)${one}\\b`).test(text) || given.includes(one))) continue
    const axes = new Set(asked.map((axis) => (axis < 0 ? names.length + axis : axis)))
    result = result.map((line) =>
      line.replaceAll(
        new RegExp(`\\b${local}\\.shape\\[(-?\\d)\\]`, 'g'),
        (_, axis: string) => names.at(Number(axis)) ?? '',
      ),
    )
    result.unshift(`${names.map((one, i) => (axes.has(i) ? one : '_')).join(', ')} = ${local}.shape`)
  }
  return result
}
