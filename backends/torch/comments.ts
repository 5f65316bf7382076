/** Remarks above definitions of the language, which become docstrings. */
import type * as ast from '../../compiler/syntax/ast.js'

/** The remark above a block; undefined where there is none, or where its source is not at hand. */
export function commentOf({ name }: ast.BlockSyntax, sources: ReadonlyMap<string, string>): string | undefined {
  const before = sources.get(name.span.file)?.slice(0, name.span.start).split('\n').slice(0, -1) ?? []
  const lines: string[] = []
  while (before.at(-1)?.trimStart().startsWith('//')) lines.unshift(before.pop()?.replace(/^\s*\/\/ ?/, '') ?? '')
  const text = lines.join('\n').trim()
  return text === '' ? undefined : text
}
