/** Readers for values of options; what is wrong with one is said before anything starts. */
import { InvalidArgumentError } from 'commander'

export function whole(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && Number.isInteger(value) && value >= minimum && value <= maximum) return value
    throw new InvalidArgumentError(`must be a whole number from ${minimum} to ${maximum}`)
  }
}

export function positive(text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new InvalidArgumentError('must be a number above 0')
}

/** A share, as a number or in percent. */
export function share(text: string): number {
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text)
  if (text.trim() !== '' && value >= 0 && value < 1) return value
  throw new InvalidArgumentError('must be a share from 0 to less than 1, such as 5%')
}
