/** Classes by name or number, as a model of labels takes them. */
import type { Condition } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { labelUnknown, labelWithoutLabels, nothingAsked } from '../../compiler/diagnostics/text.js'
import type { Tensor } from '../../compiler/ir/tensor.js'

/** The label of no class: its one-hot vector is zero. */
export const unconditionalLabel = -1

/**
 * Labels as an int64 tensor [labels]. A label is a class's name or else its number from 0; empty or -1 it stands for
 * no class. Labels that the model does not have, and a model that takes none, are reported and give undefined.
 */
export function labelsOf(
  condition: Condition | undefined,
  labels: readonly string[],
  report: Report,
): Tensor | undefined {
  if (condition?.kind !== 'label') {
    report(labelWithoutLabels({ kind: condition?.kind ?? 'none' }), undefined)
    return undefined
  }
  const { classes, names } = condition
  if (labels.length === 0) report(nothingAsked({ what: 'label' }), undefined)
  const numbers = labels.flatMap((label) => {
    const number = numberOf(label, classes, names)
    if (number === undefined) report(labelUnknown({ label, classes, names }), undefined)
    return number ?? []
  })
  if (labels.length === 0 || numbers.length < labels.length) return undefined
  return { shape: [numbers.length], data: Float64Array.from(numbers) }
}

function numberOf(label: string, classes: number, names: readonly string[]): number | undefined {
  if (names.includes(label)) return names.indexOf(label)
  if (label === '' || label === String(unconditionalLabel)) return unconditionalLabel
  const number = /^\d+$/.test(label) ? Number(label) : classes
  return number < classes ? number : undefined
}
