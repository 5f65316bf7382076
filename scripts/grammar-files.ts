/** What is generated from the language: types of the syntax tree, syntax diagrams, tables of the reference. */
import { generateCstDts } from 'chevrotain'
import { readFileSync } from 'node:fs'
import { format, resolveConfig } from 'prettier'
import { parser } from '../grammar/parser.js'
import { diagrams } from './diagrams.js'
import { withTables } from './language-tables.js'

/** The text of each generated file by its path. */
export async function grammarFiles(): Promise<ReadonlyMap<string, string>> {
  const productions = parser.getGAstProductions()
  const note = '/** Types of the syntax tree. Generated from parser.ts by `npm run grammar`; do not edit. */\n'
  const settings = await resolveConfig('grammar/cst.ts')
  const types = await format(note + generateCstDts(productions), { ...settings, parser: 'typescript' })
  const page = withTables(readFileSync('docs/language.md', 'utf8'))
  return new Map([
    ['grammar/cst.ts', types],
    ['docs/syntax.html', diagrams(Object.values(productions))],
    ['docs/language.md', await format(page, { ...settings, parser: 'markdown' })],
  ])
}
