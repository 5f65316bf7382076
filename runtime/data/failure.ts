/** How data that cannot be read here is reported. */

/** Data cannot be read here: `problem` tells what is in the way, `remedy` what to do about it. */
export class DataFailure extends Error {
  constructor(
    readonly problem: string,
    readonly remedy: string,
  ) {
    super(`${problem}\n${remedy}`)
  }
}

/** One example cannot be decoded; others may be. */
export class Damage extends Error {
  constructor(readonly problem: string) {
    super(problem)
  }
}
