/** JSON from files: foreign data, or our own as a disk may damage it. */

/** The value of a text; undefined if it is no JSON object. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return asObject(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** The value itself if it is an object and no list. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined
}

/** Whether the value is an object all of whose values are texts. */
export function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  const object = asObject(value)
  return object !== undefined && Object.values(object).every((text) => typeof text === 'string')
}

/** Whether the value is a count: a whole number, not negative. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
