/** Names that the importer chooses or carries over, as words of the language. */
import { Identifier, lexer } from '../../grammar/tokens.js'

/** Whether a text can name something: one word that is neither a keyword nor a key. */
export function isName(text: string): boolean {
  const { tokens, errors } = lexer.tokenize(text)
  return errors.length === 0 && tokens.length === 1 && tokens[0]?.tokenType === Identifier && tokens[0].image === text
}

/** A name made from any text. */
export function asName(text: string): string {
  const name = text.replace(/\W+/g, '_').slice(0, 64)
  return isName(name) && /[a-z]/i.test(name) ? name : `model_${name}`
}
