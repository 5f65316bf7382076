/** What is generated from the grammar: types of the syntax tree and the syntax diagrams. */
import { generateCstDts } from 'chevrotain'
import { format, resolveConfig } from 'prettier'
import { parser } from '../grammar/parser.js'
import { diagrams } from './diagrams.js'

/** The text of each generated file by its path. */
export async function grammarFiles(): Promise<ReadonlyMap<string, string>> {
  const productions = parser.getGAstProductions()
  const note = '/** Types of the syntax tree. Generated from parser.ts by `npm run grammar`; do not edit. */\n'
  const settings = await resolveConfig('grammar/cst.ts')
  const types = await format(note + generateCstDts(productions), { ...settings, parser: 'typescript' })
  return new Map([
    ['grammar/cst.ts', types],
    ['docs/syntax.html', diagrams(Object.values(productions))],
  ])
}
