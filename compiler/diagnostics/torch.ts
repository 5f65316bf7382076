/** Diagnostics about what has no place in a PyTorch package. */
import { diagnostic } from './diagnostic.js'

export const torchLayerName = diagnostic<{ name: string }>({
  code: 'MDM1301',
  message: ({ name }) => `a layer of a PyTorch module cannot be called \`${name}\``,
  reason: 'it is a word of Python, or hides what every nn.Module has',
  help: ({ name }) => `call it ${name}_layer; checkpoints then need that name too`,
})

export const torchCannotExpress = diagnostic<{ what: string }>({
  code: 'MDM1302',
  message: ({ what }) => `${what} cannot be written as PyTorch`,
  help: 'write the block in another way, or compile the model for ONNX',
})
