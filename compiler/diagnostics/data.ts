/** Diagnostics about data sets: what a training run is to read. */
import { diagnostic } from './diagnostic.js'
import { counted, didYouMean, someOf } from './suggest.js'
import { quoted } from './weights.js'

const kinds =
  'a data set is `emoji`, a folder of images or videos, WebDataset .tar files, or a .tsv index (docs/data.md)'

/** How many examples have no caption, or no label, and which is the first. */
function lacking(what: string, missing: number, first: string): string {
  if (missing === 1) return `1 example has no ${what}: ${quoted(first)}`
  return `${missing} examples have no ${what}, such as ${quoted(first)}`
}

/** Neither the built-in data set nor anything on the disk. */
export const dataMissing = diagnostic<{ setting: string; problem: string }>({
  code: 'MDM0901',
  message: ({ setting, problem }) => `there is no data set ${quoted(setting)}: ${problem}`,
  reason: kinds,
  help: ({ setting }) => didYouMean(setting, ['emoji']),
})

/** A file that is nothing of which data sets are made. */
export const dataKindUnknown = diagnostic({
  code: 'MDM0902',
  message: () => 'this file is no data set',
  reason: kinds,
  help: 'give the folder around the images; unpack archives that are compressed',
})

/** A place without anything to train on. */
export const dataEmpty = diagnostic<{ what: 'images' | 'videos'; formats: readonly string[] }>({
  code: 'MDM0903',
  message: ({ what }) => `there are no ${what} here`,
  help: ({ what, formats }) =>
    `${what} are told by their names: ${someOf(formats, 20)}` +
    (what === 'videos' ? '; a folder of numbered images is a video as well' : ''),
})

/** A part of the data that the system does not let us read. */
export const dataNotReadable = diagnostic<{ problem: string }>({
  code: 'MDM0904',
  message: ({ problem }) => `this part of the data cannot be read: ${problem}`,
  help: 'see to that, or name data that lies elsewhere',
})

/** A tar that ends early or is overwritten. */
export const tarDamaged = diagnostic<{ problem: string; members: number }>({
  code: 'MDM0905',
  severity: 'warning',
  message: ({ problem }) => `this tar is damaged: ${problem}`,
  reason: ({ members }) => `the ${counted(members, 'file')} before the damage ${members === 1 ? 'is' : 'are'} used`,
  help: 'fetch or write the tar again; it may have been cut short',
})

/** A table that names no images. */
export const tableInvalid = diagnostic<{ problem: string }>({
  code: 'MDM0906',
  message: ({ problem }) => `this table cannot be used: ${problem}`,
  reason:
    'an index has the column `filename`, which names tables with the columns `tar`, `file` and `caption`, separated by tabs',
  help: 'docs/data.md shows both tables',
})

/** Lines of a table, or of metadata, that name nothing. */
export const namedFilesMissing = diagnostic<{ count: number; first: string }>({
  code: 'MDM0907',
  severity: 'warning',
  message: ({ count, first }) =>
    count === 1
      ? `this names ${quoted(first)}, which is not there`
      : `this names ${count} files that are not there, such as ${quoted(first)}`,
  help: 'nothing is to be done if they were left out on purpose',
})

/** A line of metadata.jsonl or metadata.csv that is no metadata. */
export const metadataInvalid = diagnostic<{ line: number; problem: string }>({
  code: 'MDM0908',
  message: ({ line, problem }) => `line ${line} of the metadata cannot be used: ${problem}`,
  reason: 'each line is an object with `file_name`, and with `text` or `caption`, or with `label`',
  help: 'correct the line or leave it out',
})

/** Captions of img2dataset that cannot be had. */
export const parquetUnreadable = diagnostic<{ problem: string }>({
  code: 'MDM0909',
  severity: 'warning',
  message: ({ problem }) => `the captions in this file are left out: ${problem}`,
  reason: 'it has the columns `key` and `caption`, as img2dataset writes them',
})

/** An image or video that cannot be decoded. */
export const exampleDamaged = diagnostic<{ name: string; problem: string; replaced: boolean }>({
  code: 'MDM0910',
  severity: 'warning',
  message: ({ name, problem }) => `${quoted(name)} is left out: ${problem}`,
  help: ({ replaced }) => `${replaced ? 'another example takes its place; ' : ''}fetch it again, or remove it`,
})

/** Nothing that can be decoded. */
export const nothingReadable = diagnostic<{ tried: number; name: string; problem: string }>({
  code: 'MDM0911',
  message: ({ tried, name, problem }) =>
    `of ${counted(tried, 'example')} none can be read; ${quoted(name)}, for one: ${problem}`,
  help: 'see whether the data is what it should be, and fetch it again if it is damaged',
})

/** A model of text, and images without a word. */
export const captionsMissing = diagnostic({
  code: 'MDM0912',
  message: () => 'the model takes text, and the data set has no captions',
  reason: 'a caption stands in a .txt beside its image, in metadata.jsonl, or in a table (docs/data.md)',
  help: 'add captions, or train a model without `condition text`',
})

/** Images without a word among others. */
export const captionsIncomplete = diagnostic<{ missing: number; first: string }>({
  code: 'MDM0913',
  severity: 'warning',
  message: ({ missing, first }) => lacking('caption', missing, first),
  reason: 'they are trained with the empty prompt, which stands for no condition',
})

/** A model of labels, and images without any. */
export const labelsMissing = diagnostic({
  code: 'MDM0914',
  message: () => 'the model takes labels, and the data set has none',
  reason: 'a label is the folder that an image lies in, a .cls in a tar, or `label` in metadata.jsonl (docs/data.md)',
  help: 'put the images of each class into a folder of its own, or train a model without `condition label`',
})

/** Images without a label among others. */
export const labelsIncomplete = diagnostic<{ missing: number; first: string }>({
  code: 'MDM0915',
  severity: 'warning',
  message: ({ missing, first }) => lacking('label', missing, first),
  reason: 'they are trained without a class',
})

/** Labels that the model's names do not have. */
export const classesUnknown = diagnostic<{ unknown: readonly string[]; names: readonly string[] }>({
  code: 'MDM0916',
  message: ({ unknown }) =>
    `the model has no class ${someOf(
      unknown.map((label) => quoted(label, 40)),
      6,
    )}`,
  reason: 'the model gives its classes names, and labels are found by them',
  help: ({ unknown: [first = ''], names }) => didYouMean(first, names) ?? `its classes: ${someOf(names)}`,
})

/** More classes than the model has. */
export const classesTooMany = diagnostic<{ classes: number; needed: number; numbered: boolean }>({
  code: 'MDM0917',
  message: ({ classes, needed, numbered }) =>
    numbered
      ? `the labels of the data set go up to ${needed - 1}, and the model has the classes 0 to ${classes - 1}`
      : `the data set has ${counted(needed, 'class', 'classes')}, and the model ${classes}`,
  help: ({ needed }) => `write \`condition label { classes ${needed} }\``,
})
