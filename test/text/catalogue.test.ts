/** That every diagnostic about prompts, encoders and labels is shown by a test of this folder. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import * as catalogue from '../../compiler/diagnostics/text.js'

it('every diagnostic occurs, as the user reads it', () => {
  const here = import.meta.dirname
  const snapshots = readdirSync(join(here, '__snapshots__')).map((name) => join(here, '__snapshots__', name))
  const files = [...snapshots, join(here, 'hash.test.ts')]
  const shown = files.map((path) => readFileSync(path, 'utf8')).join('\n')
  const codes = Object.values(catalogue).map(({ code }) => code)
  expect(codes).toHaveLength(13)
  expect(codes.filter((code) => !new RegExp(`^[\`" ]*(error|warning) ${code}: `, 'm').test(shown))).toEqual([])
})
