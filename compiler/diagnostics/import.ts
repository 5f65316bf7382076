/** Diagnostics about files of the reference implementation that are to become .mdm files. */
import { diagnostic } from './diagnostic.js'
import { didYouMean, oneOf } from './suggest.js'

export const badYaml = diagnostic<{ problem: string }>({
  code: 'MDM0401',
  message: ({ problem }) => `this is not a YAML file that can be read: ${problem}`,
})

export const noConfiguration = diagnostic({
  code: 'MDM0402',
  message: () => 'there is no network in this file',
  reason: 'a configuration of the reference implementation has `unet_config`',
  help: 'choose a file such as configs/models/cc12m_64x64.yaml',
})

export const unknownSetting = diagnostic<{ key: string; known: readonly string[] }>({
  code: 'MDM0403',
  message: ({ key }) => `\`${key}\` is not known here`,
  reason: 'leaving it out could change what the network computes',
  help: ({ key, known }) => didYouMean(key, known),
})

export const wrongSetting = diagnostic<{ key: string; expected: string; found: string }>({
  code: 'MDM0404',
  message: ({ key, expected, found }) => `\`${key}\` must be ${expected}, not ${found}`,
})

export const missingSetting = diagnostic<{ key: string; reason: string }>({
  code: 'MDM0405',
  message: ({ key }) => `\`${key}\` is missing`,
  reason: ({ reason }) => reason,
})

export const settingLength = diagnostic<{ key: string; given: number; expected: number }>({
  code: 'MDM0406',
  message: ({ key, given, expected }) =>
    `\`${key}\` has ${given} ${given === 1 ? 'entry' : 'entries'} for ${expected} resolutions`,
})

export const unknownTextModel = diagnostic<{ model: string; known: readonly string[] }>({
  code: 'MDM0407',
  message: ({ model }) => `the width of \`${model}\` is not known`,
  help: ({ known }) => `set \`conditioning_feature_dim\` to its number of features; known are ${oneOf(known)}`,
})

export const unknownClasses = diagnostic({
  code: 'MDM0408',
  message: () => 'the number of classes is not given',
  reason: 'with `categorical_conditioning`, `conditioning_feature_dim` is the size of the vocabulary',
  help: 'set `conditioning_feature_dim`, to 1000 for ImageNet',
})

export const notRunnable = diagnostic<{ setting: string; reason: string; help: string }>({
  code: 'MDM0409',
  message: ({ setting }) => `${setting} cannot be imported`,
  reason: ({ reason }) => reason,
  help: ({ help }) => help,
})

export const unfitSide = diagnostic<{ side: number; halvings: number; smallest: number; largest: number }>({
  code: 'MDM0410',
  message: ({ side, largest }) =>
    side > largest
      ? `a side of ${side} is too large`
      : `a side of ${side} cannot be halved to the innermost resolution`,
  reason: ({ halvings }) => `the network halves it ${halvings === 1 ? 'once' : `${halvings} times in all`}`,
  help: ({ smallest, largest }) =>
    smallest > largest
      ? `use fewer resolutions; ${largest} is the largest side`
      : `use a multiple of ${smallest}, up to ${largest}`,
})

export const repeatedSetting = diagnostic<{ key: string }>({
  code: 'MDM0411',
  message: ({ key }) => `\`${key}\` is given twice, with different values`,
  help: 'remove one; the reference implementation takes the last',
})

export const differsFromReference = diagnostic<{ what: string; reason: string; help: string }>({
  code: 'MDM0412',
  severity: 'warning',
  message: ({ what }) => what,
  reason: ({ reason }) => reason,
  help: ({ help }) => help,
})
