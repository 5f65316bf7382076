/** Writes what is generated from the grammar: types of the syntax tree and the syntax diagrams. */
import { createSyntaxDiagramsCode, generateCstDts } from 'chevrotain'
import { writeFileSync } from 'node:fs'
import { format, resolveConfig } from 'prettier'
import { parser } from '../grammar/parser.js'

const productions = parser.getGAstProductions()
const types =
  '/** Types of the syntax tree. Generated from parser.ts by `npm run grammar`; do not edit. */\n' +
  generateCstDts(productions)
const settings = await resolveConfig('grammar/cst.ts')
writeFileSync('grammar/cst.ts', await format(types, { ...settings, parser: 'typescript' }))
writeFileSync('docs/syntax.html', createSyntaxDiagramsCode(parser.getSerializedGastProductions()))
