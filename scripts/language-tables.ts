/** The tables of docs/language.md that come from the code. */
import { functions, provided } from '../compiler/check/functions.js'

/** What each value is that the network gives to blocks. */
const meanings: Readonly<Record<(typeof provided)[number], string>> = {
  x: 'the features: `[batch * frames, channels, side, side]`; for `network` the image',
  emb: 'time, micro-conditions and condition as one vector: `[batch, embedding]`',
  out: 'channels that the result must have: those of the level',
  condition: 'tokens of the condition, `[batch, tokens, features]`, or `none`',
  mask: '1 for real tokens, `[batch, tokens]`, or `none`',
  frames: 'frames per example at this level',
  groups: 'the model’s `groups`',
  rate: 'the model’s `dropout`',
  heads: 'the model’s `heads`',
  feed_forward: 'the model’s `feed_forward`',
  positions: 'the model’s `positions`: `none`, or a word that is not',
  side: 'side in pixels at this level',
  image_channels: 'channels of the image',
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** The generated tables by the name that marks their place. */
export const tables: Readonly<Record<string, string>> = {
  functions: table(
    ['function', 'layer', 'what it does'],
    Object.entries(functions).map(([name, signature]) => {
      const parameters = signature.parameters.map((parameter) => parameter.replace(/(.*)\?$/, '[$1]')).join(', ')
      return [`\`${name}(${parameters})\``, 'layer' in signature ? 'yes' : '', signature.about]
    }),
  ),
  provided: table(
    ['parameter', 'value'],
    provided.map((name) => [`\`${name}\``, meanings[name]]),
  ),
}

/** A page with its generated tables set anew. */
export function withTables(page: string): string {
  return Object.entries(tables).reduce((text, [name, content]) => {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
    const [from, to] = [text.indexOf(begin), text.indexOf(end)]
    if (from < 0 || to < from) throw new Error(`the page has no place for the table of ${name}`)
    return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`
  }, page)
}
