/** That every diagnostic about exports is shown by a test of this folder. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import * as catalogue from '../../compiler/diagnostics/export.js'

it('every diagnostic occurs, as the user reads it', () => {
  const snapshots = join(import.meta.dirname, '__snapshots__')
  const shown = readdirSync(snapshots).map((name) => readFileSync(join(snapshots, name), 'utf8'))
  const codes = Object.values(catalogue).map(({ code }) => code)
  expect(codes).toHaveLength(3)
  expect(codes.filter((code) => !new RegExp(`^[\`" ]*error ${code}: `, 'm').test(shown.join('\n')))).toEqual([])
})
