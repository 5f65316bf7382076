/** A fault of the compiler itself, as opposed to bad input, which yields diagnostics. */

/** Thrown where the compiler breaks a rule of its own. */
export class InternalError extends Error {
  constructor(message: string) {
    super(
      `internal error: ${message}\nThis is a fault of mdmc, not of your file; please report it with the file and the command.`,
    )
  }
}

/** For expressions: what cannot be missing is missing. */
export function raise(message: string): never {
  throw new InternalError(message)
}
