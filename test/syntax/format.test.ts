/** Formatting: one form for each file, nothing lost. */
import fc from 'fast-check'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { lexer } from '../../grammar/tokens.js'
import { format } from '../../compiler/syntax/format.js'
import { read, withoutPlaces } from './plain.js'
import { sentences } from './sentences.js'

function formatted(source: string): string {
  const { text, diagnostics } = format('test.mdm', source)
  expect(diagnostics).toEqual([])
  return text ?? ''
}

function remarks(source: string): string[] {
  return (lexer.tokenize(source).groups.comments ?? []).map(({ image }) => image.trimEnd())
}

describe('formatting any file', () => {
  it('keeps its meaning and its remarks, and does nothing the second time', () => {
    fc.assert(
      fc.property(sentences, (source) => {
        const before = read(source)
        expect(before.codes).toEqual([])
        const once = formatted(source)
        expect(withoutPlaces(read(once))).toEqual(withoutPlaces(before))
        expect(remarks(once)).toEqual(remarks(source))
        expect(formatted(once)).toBe(once)
        expect(once).not.toMatch(/[ \t]\n|\n\n\n|^\n|\r/)
      }),
      { numRuns: 500 },
    )
  })

  it('leaves a file with mistakes in writing alone', () => {
    const { text, diagnostics } = format('test.mdm', 'model X {')
    expect(text).toBeUndefined()
    expect(diagnostics.map(({ code }) => code)).toHaveLength(1)
  })
})

describe('the models that come with mdmc', () => {
  const files = readdirSync('models', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.mdm'))
  it.each(files)('%s is formatted', (name) => {
    const source = readFileSync(join('models', name), 'utf8')
    expect(formatted(source)).toBe(source)
  })
})

describe('layout', () => {
  it('puts a section on one line where it fits', () => {
    expect(formatted('model  S{\nlevel 64{\nchannels 256\nblocks   2}}')).toMatchInlineSnapshot(`
      "model S {
        level 64 { channels 256  blocks 2 }
      }
      "
    `)
  })

  it('keeps remarks and groups of lines', () => {
    const source = `// about the file

// about the model
model S { // behind the brace
  image rgb // trailing


  embedding 1024
  // own line
  level 64 { channels 256 // why
  blocks 2 }
  // last
}
train S { seed 1 }`
    expect(formatted(source)).toMatchInlineSnapshot(`
      "// about the file

      // about the model
      model S { // behind the brace
        image rgb // trailing

        embedding 1024
        // own line
        level 64 {
          channels 256 // why
          blocks 2
        }
        // last
      }

      train S { seed 1 }
      "
    `)
  })

  it('wraps what is longer than a line', () => {
    const source = `block b(x, out) {
  h = x | norm1: group_norm(32) | silu | conv1: conv(out, 3) | norm2: group_norm(32) | silu | conv2: conv(out, 3, init: zeros)
  h = if channels(x) == out and height(x) == width(x) and height(x) > 16 then x else if channels(x) == 2 * out then h else x + h + 1
  h = x | silu // first
    // second
    | gelu
  for i in 0 .. 2*out { h = h | ffn [ i ] . norm : layer_norm() }
  return reshape(h, [batch(x), channels(x) / 2, 2, height(x) / 2, width(x) / 2, channels(x) / 2, 2, height(x), width(x)])
}
model T { diffusion { schedule table [1, 0.99, 0.98, 0.97, 0.96, 0.95, 0.94, 0.93, 0.92, 0.91, 0.90, 0.89, 0.88, 0.87, 0.86, 0.85, 0.5, 0.4] } }`
    expect(formatted(source)).toMatchInlineSnapshot(`
      "block b(x, out) {
        h = x
          | norm1: group_norm(32)
          | silu
          | conv1: conv(out, 3)
          | norm2: group_norm(32)
          | silu
          | conv2: conv(out, 3, init: zeros)
        h = if channels(x) == out and height(x) == width(x) and height(x) > 16
          then x
          else if channels(x) == 2 * out
          then h
          else x + h + 1
        h = x
          | silu // first
          // second
          | gelu
        for i in 0..2 * out {
          h = h | ffn[i].norm: layer_norm
        }
        return reshape(
          h,
          [batch(x), channels(x) / 2, 2, height(x) / 2, width(x) / 2, channels(x) / 2, 2, height(x), width(x)]
        )
      }

      model T {
        diffusion {
          schedule table [
            1, 0.99, 0.98, 0.97, 0.96, 0.95, 0.94, 0.93, 0.92, 0.91, 0.90, 0.89, 0.88, 0.87, 0.86, 0.85, 0.5, 0.4
          ]
        }
      }
      "
    `)
  })
})
