/** Names of a program's text: those of the model, as JavaScript can have them. */

/** What no name may be: words of JavaScript, and what the text of a program calls its own. */
const reserved =
  'tf prepare run sizes inputs stored weights parameter constant constants arguments await break case catch class ' +
  'const continue debugger default delete do else enum eval export extends false finally for function if implements ' +
  'import in instanceof interface let new null package private protected public return static super switch this throw ' +
  'true try typeof undefined NaN Infinity var void while with yield'

/** Tensors without a name of their own. */
const numbered = /^t\d+$/

/** A path or a name as an identifier: `up_blocks_0_resnets_1`. */
export function identifier(path: string): string {
  return path.replaceAll(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d|$)/, '_')
}

/** Names that are given out once each. */
export class Names {
  readonly #taken: Set<string>

  constructor(taken: Iterable<string> = reserved.split(' ')) {
    this.#taken = new Set(taken)
  }

  /** A scope in which the same names are taken, and those that it gives out itself. */
  inner(): Names {
    return new Names(this.#taken)
  }

  /** The name itself, or with the first number that makes it unused. */
  unused(name: string): string {
    let free = numbered.test(name) ? `${name}_` : name
    for (let i = 2; this.#taken.has(free); i++) free = `${name}_${i}`
    this.#taken.add(free)
    return free
  }
}
