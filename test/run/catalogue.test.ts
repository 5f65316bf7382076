/** That every diagnostic about run folders is shown by a test of this folder. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import * as catalogue from '../../compiler/diagnostics/run.js'

it('every diagnostic occurs, as the user reads it', () => {
  const here = import.meta.dirname
  const names = readdirSync(here, { recursive: true }).map(String)
  const files = names.filter((name) => name.endsWith('.snap') || name.endsWith('.test.ts'))
  const shown = files.map((name) => readFileSync(join(here, name), 'utf8')).join('\n')
  const codes = Object.values(catalogue).map(({ code }) => code)
  expect(codes).toHaveLength(8)
  expect(codes.filter((code) => !new RegExp(`^[\`" ]*(text": ")?(error|warning) ${code}: `, 'm').test(shown))).toEqual(
    [],
  )
})
