/** Diagnostics about files of the reference implementation that are to become .mdm files. */
import { diagnostic } from './diagnostic.js'
import { didYouMean, oneOf } from './suggest.js'

export const badYaml = diagnostic<{ problem: string }>({
  code: 'MDM0401',
  message: ({ problem }) => `this is not valid YAML: ${problem}`,
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

export const missingSetting = diagnostic<{ key: string }>({
  code: 'MDM0405',
  message: ({ key }) => `\`${key}\` is missing`,
})

export const settingLength = diagnostic<{ key: string; given: number; expected: number }>({
  code: 'MDM0406',
  message: ({ key, given, expected }) => `\`${key}\` has ${given} entries for ${expected} resolutions`,
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

export const unfitSide = diagnostic<{ side: number; factor: number; smallest: number }>({
  code: 'MDM0410',
  message: ({ side }) => `a side of ${side} cannot be halved to the innermost resolution`,
  reason: ({ factor }) => `the network halves it ${Math.log2(factor)} times in all`,
  help: ({ smallest }) => `use a multiple of ${smallest}`,
})
