/** Fixes for words that are spelt almost right. */
import type { Fix, Span } from '../diagnostics/diagnostic.js'
import { nearestName } from '../diagnostics/suggest.js'

/** The fix that writes `word` in a place, if there is a word. */
export function fixTo(word: string | undefined, span: Span): { fix?: Fix } {
  return word === undefined ? {} : { fix: { title: `write \`${word}\``, edits: [{ span, replacement: word }] } }
}

/** The fix that writes the known word nearest to `name`, if one is near. */
export function nearestFix(name: string, known: readonly string[], span: Span): { fix?: Fix } {
  return fixTo(nearestName(name, known), span)
}
