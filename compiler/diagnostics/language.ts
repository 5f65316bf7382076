/** Diagnostics about how a file is written: words, signs, names, properties. */
import { diagnostic } from './diagnostic.js'
import { didYouMean, oneOf, someOf } from './suggest.js'

export const unexpectedCharacter = diagnostic<{ character: string }>({
  code: 'MDM0101',
  message: ({ character }) => `unexpected character ${JSON.stringify(character)}`,
  help: ({ character }) => {
    if (character === '#' || character === '/*') return 'remarks begin with // and end with the line'
    if (character === "'") return 'texts stand between double quotes'
    if (character === ';') return 'remove it: nothing ends with a semicolon'
    return 'remove it; texts stand between double quotes, remarks behind //'
  },
})

export const unexpectedWord = diagnostic<{ found: string; expected: readonly string[]; help?: string | undefined }>({
  code: 'MDM0102',
  message: ({ found, expected }) =>
    expected.length === 0 ? `unexpected ${found}` : `expected ${oneOf(expected)}, but found ${found}`,
  help: ({ help }) => help,
})

export const unclosed = diagnostic<{ opened: string; expected: string }>({
  code: 'MDM0103',
  message: ({ opened }) => `${opened} is never closed`,
  help: ({ expected }) => `add \`${expected}\``,
})

export const nestedTooDeeply = diagnostic({
  code: 'MDM0104',
  message: () => 'nested too deeply',
  reason: 'more than 50 brackets and conditions are open here, or one value takes more than 500 operators',
  help: 'give parts of it names of their own',
})

export const unknownUnit = diagnostic<{ unit: string; units: readonly string[] }>({
  code: 'MDM0105',
  message: ({ unit }) => `\`${unit}\` is no unit here`,
  help: ({ units }) => (units.length === 0 ? 'give the number alone' : `units here: ${oneOf(units)}`),
})

export const duplicateName = diagnostic<{ what: string; name: string }>({
  code: 'MDM0106',
  message: ({ what, name }) => `${what} \`${name}\` is given twice`,
  help: 'rename or remove one of them',
})

export const unknownName = diagnostic<{ what: string; name: string; known: readonly string[] }>({
  code: 'MDM0107',
  message: ({ what, name }) => `there is no ${what} \`${name}\``,
  help: ({ name, known }) =>
    didYouMean(name, known) ?? (known.length === 0 ? undefined : `known here: ${someOf(known)}`),
})

export const missingFile = diagnostic<{ path: string; imported: boolean }>({
  code: 'MDM0108',
  message: ({ path }) => `cannot read "${path}"`,
  reason: ({ imported }) =>
    imported ? 'paths are relative to the file that imports; `std/...` are the blocks that come with mdmc' : undefined,
  help: 'check the path',
})

export const notExported = diagnostic<{ name: string; path: string; known: readonly string[] }>({
  code: 'MDM0109',
  message: ({ name, path }) => `"${path}" has no model or block \`${name}\``,
  help: ({ name, known }) => didYouMean(name, known) ?? (known.length === 0 ? undefined : `it has ${someOf(known)}`),
})

export const circular = diagnostic<{ what: string; chain: readonly string[] }>({
  code: 'MDM0110',
  message: ({ what, chain }) => `${what} form a circle: ${chain.join(' -> ')}`,
  help: 'break the circle at one place',
})

export const unknownKey = diagnostic<{
  key: string
  section: string
  known: readonly string[]
  near: string | undefined
}>({
  code: 'MDM0111',
  message: ({ key, section }) => `\`${key}\` is not known in ${section}`,
  help: ({ known, near }) =>
    near === undefined ? `known here: ${oneOf([...known].sort())}` : `did you mean \`${near}\`?`,
})

export const repeatedKey = diagnostic<{ key: string }>({
  code: 'MDM0112',
  message: ({ key }) => `\`${key}\` is given twice`,
  reason: 'only one of them could count',
  help: 'remove one of them',
})

export const wrongValue = diagnostic<{ key: string; expected: string; found: string; help?: string | undefined }>({
  code: 'MDM0113',
  message: ({ key, expected, found }) => `\`${key}\` takes ${expected}, not ${found}`,
  help: ({ help }) => help,
})

export const missingValue = diagnostic<{ key: string; expected: string }>({
  code: 'MDM0114',
  message: ({ key, expected }) => `\`${key}\` needs ${expected}`,
})

export const outOfRange = diagnostic<{ key: string; value: number; minimum: number; maximum: number; whole: boolean }>({
  code: 'MDM0115',
  message: ({ key, value, minimum, maximum, whole }) =>
    `\`${key}\` is ${value}; it must be ${whole ? 'a whole number ' : ''}from ${minimum} to ${maximum}`,
  help: ({ value, minimum, maximum, whole }) => {
    const near = Math.min(maximum, Math.max(minimum, whole ? Math.round(value) : value))
    return `the nearest is ${near}`
  },
})

export const missingKey = diagnostic<{ key: string; section: string; example: string }>({
  code: 'MDM0116',
  message: ({ key, section }) => `${section} needs \`${key}\``,
  help: ({ example }) => `for example: ${example}`,
})

export const sectionNotExpected = diagnostic<{ key: string }>({
  code: 'MDM0117',
  message: ({ key }) => `\`${key}\` takes no section in braces`,
  help: 'remove the braces and what is between them',
})

export const strayBracket = diagnostic<{ found: string; opener: string }>({
  code: 'MDM0119',
  message: ({ found }) => `\`${found}\` closes nothing`,
  help: ({ found, opener }) =>
    `remove it, or open what it closes with \`${opener}\`; is a \`${found}\` before it one too many?`,
})

export const reservedWord = diagnostic<{ word: string }>({
  code: 'MDM0120',
  message: ({ word }) => `\`${word}\` is a word of the language and cannot be a name`,
  help: ({ word }) => `choose another, such as \`${word}_\``,
})

export const signNotNeeded = diagnostic<{ sign: string }>({
  code: 'MDM0121',
  message: ({ sign }) => `\`${sign}\` has no place in a section`,
  reason: 'a property is its key and its values, with spaces between',
  help: 'remove it',
})
