/** What an engine throws where the machine lacks something. */

/** The machine lacks something that the engine needs: `problem` tells what, `remedy` how to get it. */
export class EngineUnavailable extends Error {
  constructor(
    readonly problem: string,
    readonly remedy: string,
  ) {
    super(`${problem}\n${remedy}`)
  }
}
