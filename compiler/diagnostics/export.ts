/** Diagnostics about exported data sets: what is in the way of writing one. */
import { diagnostic } from './diagnostic.js'
import { quoted } from './weights.js'

/** An export among other files. */
export const exportFolderNotEmpty = diagnostic<{ name: string }>({
  code: 'MDM1401',
  message: ({ name }) => `this folder is not empty: it has ${quoted(name)}`,
  reason: 'an export keeps its folder to itself, as whatever reads it takes every .tar there for a part of it',
  help: 'name a folder with -o that is empty or does not exist yet',
})

/** A setting of an export, as it was begun and as it is wanted now. */
export interface SettingChange {
  readonly name: string
  readonly before: string
  readonly now: string
}

/** An export that was begun in another way. */
export const exportDiffers = diagnostic<{ changes: readonly SettingChange[] }>({
  code: 'MDM1402',
  message: ({ changes }) =>
    `the export in this folder was begun with other settings: ${changes.map(({ name }) => name).join(', ')}`,
  reason: ({ changes }) => changes.map(({ name, before, now }) => `${name}: ${before} there, ${now} now`).join('; '),
  help: 'give the same options and the same data to go on with it, or name another folder with -o',
})

/** export.json is not what was written. */
export const exportDamaged = diagnostic({
  code: 'MDM1403',
  message: () => 'the settings of this export cannot be read',
  reason: 'without them it is not certain what its shards hold',
  help: 'name another folder with -o, or delete this one',
})
