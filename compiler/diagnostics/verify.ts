/** Diagnostics about recorded cases. */
import { diagnostic } from './diagnostic.js'

export const badCase = diagnostic<{ problem: string }>({
  code: 'MDM0601',
  message: ({ problem }) => `this is no recorded case: ${problem}`,
  help: 'a case is a folder with case.json and, for figures, tensors.safetensors',
})

export const parametersDiffer = diagnostic<{ index: number; recorded: string; built: string }>({
  code: 'MDM0603',
  message: ({ index, recorded, built }) => `parameter ${index} is ${built}; the case has ${recorded}`,
  reason: 'checkpoints are matched by name, shape and order',
})

export const tensorMissing = diagnostic<{ name: string }>({
  code: 'MDM0604',
  message: ({ name }) => `the case has no tensor \`${name}\``,
})

export const tensorShape = diagnostic<{ name: string; found: string; expected: string }>({
  code: 'MDM0605',
  message: ({ name, found, expected }) => `\`${name}\` has the shape ${found}; the model gives ${expected}`,
})
