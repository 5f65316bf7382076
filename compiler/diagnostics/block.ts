/** Diagnostics about blocks: calls, names, and shapes that do not fit. */
import { diagnostic } from './diagnostic.js'
import { counted, didYouMean, oneOf } from './suggest.js'

export const unknownVariable = diagnostic<{ name: string; known: readonly string[]; callable?: boolean }>({
  code: 'MDM0301',
  message: ({ name }) => `there is no value \`${name}\` here`,
  help: ({ name, known, callable }) => {
    if (callable) return `\`${name}\` is called with values: x | ${name}, or ${name}(x)`
    return didYouMean(name, known) ?? (known.length === 0 ? 'nothing has a name yet' : `known here: ${oneOf(known)}`)
  },
})

export const unknownFunction = diagnostic<{ name: string; known: readonly string[] }>({
  code: 'MDM0302',
  message: ({ name }) => `there is no function or block \`${name}\``,
  help: ({ name, known }) => didYouMean(name, known),
})

export const unknownArgument = diagnostic<{ callee: string; name: string; known: readonly string[] }>({
  code: 'MDM0303',
  message: ({ callee, name }) => `\`${callee}\` has no parameter \`${name}\``,
  help: ({ name, known }) => didYouMean(name, known) ?? (known.length === 0 ? 'it has none' : `it has ${oneOf(known)}`),
})

export const tooManyArguments = diagnostic<{ callee: string; given: number; most: number }>({
  code: 'MDM0304',
  message: ({ callee, given, most }) => `\`${callee}\` takes ${counted(most, 'value')} at most, not ${given}`,
  help: 'a value that comes through `|` counts as the first',
})

export const missingArgument = diagnostic<{ callee: string; name: string; block: boolean }>({
  code: 'MDM0305',
  message: ({ callee, name }) => `\`${callee}\` needs \`${name}\``,
  help: ({ callee, name, block }) =>
    `write ${callee}(${name}: ...)${block ? ', or give it a default in the block' : ''}`,
})

export const unnamedLayer = diagnostic<{ callee: string }>({
  code: 'MDM0306',
  message: ({ callee }) => `\`${callee}\` has stored tensors and needs a name for them`,
  reason: 'the name is what checkpoints call the layer',
  help: ({ callee }) => `write name: ${callee}(...) behind a |`,
})

export const labelWithoutLayer = diagnostic<{ callee: string }>({
  code: 'MDM0307',
  message: ({ callee }) => `\`${callee}\` has no stored tensors to name`,
  help: 'remove the name and its colon',
})

export const layerTwice = diagnostic<{ path: string }>({
  code: 'MDM0308',
  message: ({ path }) => `the layer name \`${path}\` is used twice`,
  reason: 'a checkpoint holds each name once',
  help: 'give one of them another name; in a loop use name[i]',
})

export const wrongKind = diagnostic<{ what: string; expected: string; found: string }>({
  code: 'MDM0309',
  message: ({ what, expected, found }) => `${what} must be ${expected}, not ${found}`,
})

export const shapesDoNotFit = diagnostic<{ message: string }>({
  code: 'MDM0310',
  message: ({ message }) => message,
})

export const blockResult = diagnostic<{ block: string; found: string; expected: string }>({
  code: 'MDM0311',
  message: ({ block, found, expected }) => `block \`${block}\` gives ${found}; this place needs ${expected}`,
})

export const noReturn = diagnostic<{ block: string }>({
  code: 'MDM0312',
  message: ({ block }) => `block \`${block}\` never returns a value`,
  help: 'end it with `return ...`',
})

export const wrongCount = diagnostic<{ names: number; values: number }>({
  code: 'MDM0313',
  message: ({ names, values }) => `${names} names for ${values} values`,
  help: 'give one name to each value',
})

export const recursiveBlock = diagnostic<{ chain: readonly string[] }>({
  code: 'MDM0314',
  message: ({ chain }) => `blocks use each other in a circle: ${chain.join(' -> ')}`,
  help: 'use `for` to repeat a block',
})

export const tooLarge = diagnostic<{ what: string; most: number }>({
  code: 'MDM0315',
  message: ({ what, most }) => `${what}: more than ${most}`,
  reason: 'a network of this size could not be built',
  help: 'check the numbers',
})

export const statementAfterReturn = diagnostic({
  code: 'MDM0316',
  message: () => 'nothing behind `return` can take effect',
  help: 'remove it, or move it before `return`',
})

export const notProvided = diagnostic<{ block: string; name: string; provided: readonly string[] }>({
  code: 'MDM0317',
  message: ({ block, name }) => `block \`${block}\` needs \`${name}\`, which this place does not give`,
  help: ({ block, name, provided }) =>
    didYouMean(name, provided) ?? `write ${block}(${name}: ...); what a block can ask for by name: ${oneOf(provided)}`,
})

export const unnamedArgument = diagnostic<{ block: string; names: readonly string[] }>({
  code: 'MDM0320',
  message: ({ block }) => `the values given to block \`${block}\` in a model need their names`,
  reason: 'the network gives it values too, so that places in a row would say nothing',
  help: ({ block, names }) =>
    names.length === 0 ? `\`${block}\` takes none` : `write ${block}(${names.at(-1) ?? ''}: ...)`,
})

export const frameGrid = diagnostic<{ frames: number }>({
  code: 'MDM0318',
  message: ({ frames }) => `${frames} frames do not form a square grid`,
  reason: 'between nested parts, all frames lie on one square image (reference implementation)',
  help: 'use 4, 9, 16, ... frames, or nest a model that brings them down to one',
})

export const numberWithUnit = diagnostic({
  code: 'MDM0319',
  message: () => 'numbers in blocks have no units',
  help: 'write the number alone',
})
