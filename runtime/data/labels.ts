/** The labels of a data set as the classes of a model. */
import type { LabelCondition } from '../../compiler/check/model.js'
import { classesTooMany, classesUnknown, labelsIncomplete, labelsMissing } from '../../compiler/diagnostics/data.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import { unconditionalLabel } from '../text/labels.js'
import type { Dataset } from './dataset.js'

/** The labels of some examples, int64 [examples]; -1, for no class, for those that have none or are `dropped`. */
export type LabelRows = (examples: readonly number[], dropped?: readonly boolean[]) => Tensor

/**
 * Finds the class of each label: by its name where the model gives names, otherwise by its number if all labels are
 * numbers, and else by its place among all labels in the order of their characters. Labels that are missing, or that
 * the model does not have, are reported; undefined if the model cannot be trained on them.
 */
export function labelRows(dataset: Dataset, condition: LabelCondition, report: Report): LabelRows | undefined {
  if (dataset.labelled === 0) {
    report(labelsMissing(), undefined)
    return undefined
  }
  const numbers = numbersOf(dataset.classes, condition, report)
  if (numbers === undefined) return undefined
  const labels = Array.from({ length: dataset.length }, (_, example) => dataset.label(example))
  const missing = labels.length - dataset.labelled
  if (missing > 0) report(labelsIncomplete({ missing, first: dataset.nameOf(labels.indexOf(undefined)) }), undefined)
  return (examples, dropped) => ({
    shape: [examples.length],
    data: Float64Array.from(examples, (example, row) => {
      const label = labels[example]
      return label === undefined || dropped?.[row] === true
        ? unconditionalLabel
        : (numbers.get(label) ?? unconditionalLabel)
    }),
  })
}

function numbersOf(
  labels: readonly string[],
  { classes, names }: LabelCondition,
  report: Report,
): ReadonlyMap<string, number> | undefined {
  const numbered = labels.every((label) => /^\d+$/.test(label))
  if (names.length > 0) {
    const found = labels.map((label): [string, number] => [label, names.indexOf(label)])
    const unknown = found.flatMap(([label, number]) => (number < 0 ? label : []))
    if (unknown.length === 0) return new Map(found)
    if (!numbered || unknown.length < labels.length) {
      report(classesUnknown({ unknown, names }), undefined)
      return undefined
    }
  }
  const found = labels.map((label, i): [string, number] => [label, numbered ? Number(label) : i])
  const needed = found.reduce((most, [, number]) => Math.max(most, number + 1), 0)
  if (needed <= classes) return new Map(found)
  report(classesTooMany({ classes, needed, numbered }), undefined)
  return undefined
}
