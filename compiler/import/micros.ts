/** Micro-conditions as the reference writes them: `scale:64,watermark_score:0`. */
import type { Report } from '../diagnostics/diagnostic.js'
import * as say from '../diagnostics/import.js'
import { isName } from './names.js'
import type { Settings } from './settings.js'

export interface ReferenceMicro {
  readonly key: string
  readonly default: number
}

const setting = 'micro_conditioning'

export function readMicros(r: Settings, report: Report): ReferenceMicro[] {
  const text = r.text(setting)
  if (text === undefined) return []
  const micros = text
    .slice(0, 4096)
    .split(',')
    .flatMap((item) => readMicro(item, r, report))
  const repeated = micros.find(({ key }, i) => micros.findIndex((other) => other.key === key) < i)
  if (repeated)
    report(say.wrongSetting({ key: setting, expected: 'without repetition', found: repeated.key }), r.span(setting))
  return micros
}

function readMicro(item: string, r: Settings, report: Report): ReferenceMicro[] {
  const [, key, value] = /^([A-Za-z_]\w{0,63}):\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*$/.exec(item) ?? []
  const number = Number(value)
  if (key === undefined || Math.abs(number) > 1e9) {
    report(
      say.wrongSetting({
        key: setting,
        expected: 'NAME:DEFAULT, separated by commas alone',
        found: JSON.stringify(item.slice(0, 80)),
      }),
      r.span(setting),
    )
    return []
  }
  if (!isName(key))
    report(
      say.notRunnable({
        setting: `a micro-condition of the name \`${key}\``,
        reason: 'it is a word of the language',
        help: 'use another name; the layers of a checkpoint are named after it',
      }),
      r.span(setting),
    )
  if (key === 'scale' && number === 0)
    report(
      say.notRunnable({
        setting: '`scale:0`',
        reason: 'the scale is divided by its default',
        help: 'give the side of the image as default',
      }),
      r.span(setting),
    )
  return [{ key, default: number }]
}
