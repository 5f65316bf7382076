/** Finds blocks that use each other in a circle. */
import type * as ast from '../syntax/ast.js'
import { callsIn } from './layer_names.js'
import type { LoadedFile } from './load.js'

/** Longer chains of blocks are refused when they are built. */
const deepest = 200

/** Each circle that begins in a block of the file: its blocks in the order of use, the first one again at the end. */
export function circles(file: LoadedFile): (readonly ast.BlockSyntax[])[] {
  const done = new Set<ast.BlockSyntax>()
  const found: (readonly ast.BlockSyntax[])[] = []
  const open: ast.BlockSyntax[] = []
  const visit = (block: ast.BlockSyntax, home: LoadedFile): void => {
    const at = open.indexOf(block)
    if (at >= 0) found.push([...open.slice(at), block])
    if (at >= 0 || done.has(block) || open.length >= deepest) return
    open.push(block)
    for (const { callee } of callsIn(block)) {
      const definition = home.names.get(callee.text)
      if (definition?.kind === 'block') visit(definition.syntax, definition.file)
    }
    open.pop()
    done.add(block)
  }
  for (const block of file.syntax.blocks) if (!block.damaged) visit(block, file)
  return found
}
