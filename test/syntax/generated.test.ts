/** What is generated from the grammar is up to date, and the diagrams need nothing from the network. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { grammarFiles } from '../../scripts/grammar-files.js'

const files = await grammarFiles()

it.each([...files.keys()])('%s is as `npm run grammar` writes it', (path) => {
  expect(readFileSync(path, 'utf8')).toBe(files.get(path))
})

it('the diagrams refer to nothing outside of the page', () => {
  expect(files.get('docs/syntax.html')).not.toMatch(/https?:|src=|<script|@import/)
})
