/** The field that says what a picture shows: a prompt, or a class; none where the model has no condition. */
import type { Description } from './model.js'
import { make } from './page.js'

/** Its value is the prompt, or the number of the class: -1 is no class. */
export type ConditionField = HTMLInputElement | HTMLSelectElement

/** A field that at first says `words`, be it those of a class. */
export function conditionField(condition: Description['condition'], words: string): ConditionField | undefined {
  if (condition?.kind === 'text') return make('input', { type: 'text', value: words, autocomplete: 'off' })
  if (condition?.kind !== 'label') return undefined
  const names = Array.from({ length: condition.classes }, (_, i) => condition.names?.[i] ?? `class ${i}`)
  const options = ['no class', ...names].map((name, i) => make('option', { value: String(i - 1) }, name))
  const select = make('select', {}, ...options)
  select.selectedIndex = names.indexOf(words) + 1
  return select
}

/** What the field says, for people. */
export function wordsOf(field: ConditionField | undefined): string {
  if (field instanceof HTMLSelectElement) return field.selectedOptions[0]?.text ?? ''
  return field?.value ?? ''
}
