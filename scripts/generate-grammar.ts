/** Writes what is generated from the grammar (`npm run grammar`). */
import { writeFileSync } from 'node:fs'
import { grammarFiles } from './grammar-files.js'

for (const [path, text] of await grammarFiles()) writeFileSync(path, text)
