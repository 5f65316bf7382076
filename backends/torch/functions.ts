/** What each function of the language is in PyTorch: one line each, in a total table over their names. */
import type { FunctionName } from '../../compiler/check/functions.js'
import type { Span } from '../../compiler/diagnostics/diagnostic.js'
import type { Layer } from './calls.js'
import { after, atom, binary, call, literal, operand, levels, type Py } from './python.js'
import { only, scalarOf } from './static.js'
import { staticValue } from './statics.js'
import type { Body, Expression } from './translate.js'

/** The arguments of a call by the names of the function's parameters. */
export interface CallWriter {
  readonly span: Span
  given(name: string): Expression | undefined
  /** One that must be there. */
  expression(name: string): Expression
}

type Write = (call: CallWriter, body: Body) => Py
interface Translation {
  readonly write: Write
  /** How a layer is made; the body then applies it. */
  readonly layer?: (call: CallWriter, body: Body) => Layer
}

function plain(write: Write): Translation {
  return { write }
}

function layer(make: (call: CallWriter, body: Body) => Layer): Translation {
  return { layer: make, write: (_, body) => body.refuse('a layer without a name', { file: '', start: 0, end: 0 }) }
}

/** `torch.NAME(x)` and the like. */
function unary(name: string): Translation {
  return plain((c, body) => call(name, body.translate(c.expression('x'))))
}

function aligned(name: string): Translation {
  return plain((c, body) => call(name, ...body.aligned(c.expression('a'), c.expression('b'))))
}

function size(axis: number | ((c: CallWriter, body: Body) => string)): Translation {
  return plain((c, body) => {
    const at = typeof axis === 'number' ? String(axis) : axis(c, body)
    return after(body.translate(c.expression('x')), `.shape[${at}]`)
  })
}

/** The axis of features: the last of three, else the second. */
function featureAxis(e: Expression, body: Body): number {
  return body.rank(e) === 3 ? 2 : 1
}

function axisOf(c: CallWriter, body: Body, x: string): string {
  const axis = c.given('axis')
  return axis ? body.translate(axis).text : String(featureAxis(c.expression(x), body))
}

/** The word or yes or no of an argument, which is the same in all places. */
function isSaid(c: CallWriter, body: Body, name: string, standard: boolean): boolean {
  const e = c.given(name)
  if (e === undefined) return standard
  const decided = body.decided(e)
  return decided ?? body.refuse(`\`${name}\` that depends on the place`, e.span)
}

function initOf(c: CallWriter, body: Body): string {
  const e = c.given('init')
  if (e === undefined) return 'normal'
  const word = only(body.all(e).map((value) => (value.kind === 'word' ? value.word : '')))
  return word ?? body.refuse('`init` that depends on the place', e.span)
}

/** A layer that begins as zeros where the block says so. */
function begun(made: Py, c: CallWriter, body: Body): Py {
  if (initOf(c, body) !== 'zeros') return made
  body.host.uses.add('zeroed')
  return call('zeroed', made)
}

function reduction(method: string): Translation {
  return plain((c, body) => {
    const keep = isSaid(c, body, 'keep', false) ? ', keepdim=True' : ''
    return after(body.translate(c.expression('x')), `.${method}(dim=${axisOf(c, body, 'x')}${keep})`)
  })
}

function convolution(c: CallWriter, body: Body): Layer {
  const x = c.expression('x')
  const statics = staticValue(body)
  const number = (name: string) => {
    const e = c.given(name)
    return e && statics.number(e, name)
  }
  const [out, kernel] = [number('out'), number('kernel')]
  const [stride, padding] = [number('stride'), number('padding')]
  const width = only(kernel?.values.filter((value) => value !== undefined) ?? [])
  const same =
    typeof width === 'number' ? literal(Math.floor(width / 2)) : binary('//', kernel?.py ?? atom('1'), atom('2'))
  const pad = padding ? padding.py : same
  const given = [
    statics.input(x, 1, 'channels').py.text,
    out?.py.text ?? '',
    kernel?.py.text ?? '',
    ...(stride && stride.py.text !== '1' ? [`stride=${stride.py.text}`] : []),
    ...(pad.text === '0' ? [] : [`padding=${pad.text}`]),
    ...(isSaid(c, body, 'bias', true) ? [] : ['bias=False']),
  ]
  return { made: begun(call(`nn.Conv${body.rank(x) - 2}d`, ...given), c, body), given: [() => body.translate(x)] }
}

const stored = (make: (c: CallWriter, body: Body) => Py) => layer((c, body) => ({ made: make(c, body), given: [] }))

export const functions: Readonly<Record<FunctionName, Translation>> = {
  conv: layer(convolution),
  linear: layer((c, body) => {
    const x = c.expression('x')
    const statics = staticValue(body)
    const given = [statics.input(x, -1, 'features').py, statics.number(c.expression('out'), 'out').py]
    const bias = isSaid(c, body, 'bias', true) ? [] : [atom('bias=False')]
    return { made: begun(call('nn.Linear', ...given, ...bias), c, body), given: [() => body.translate(x)] }
  }),
  group_norm: layer((c, body) => {
    const x = c.expression('x')
    const statics = staticValue(body)
    const groups = statics.number(c.expression('groups'), 'groups')
    return {
      made: call('nn.GroupNorm', groups.py, statics.input(x, 1, 'channels').py),
      given: [() => body.translate(x)],
    }
  }),
  layer_norm: layer((c, body) => {
    const x = c.expression('x')
    return {
      made: call('nn.LayerNorm', staticValue(body).input(x, -1, 'features').py),
      given: [() => body.translate(x)],
    }
  }),
  normalize: plain((c, body) => {
    const x = c.expression('x')
    const size = staticValue(body).input(x, -1, 'features')
    const known = only(size.values.filter((value) => value !== undefined))
    if (known !== undefined) return call('F.layer_norm', body.translate(x), `(${String(known)},)`)
    const named = body.named(body.translate(x), x.span)
    return call('F.layer_norm', named, after(named, '.shape[-1:]'))
  }),
  parameter: stored((c, body) => {
    const shape = c.expression('shape')
    if (shape.kind !== 'shape') return body.refuse('a stored tensor whose shape is no list', shape.span)
    const sizes = shape.items.map((item, i) => staticValue(body).number(item, `size_${i}`).py.text).join(', ')
    const init = initOf(c, body)
    return call('nn.Parameter', init === 'normal' ? `0.02 * torch.randn(${sizes})` : `torch.${init}(${sizes})`)
  }),
  rotary_frequencies: stored((c, body) => {
    const count = staticValue(body).number(c.expression('count'), 'count').py
    const base = c.given('base')
    const given = base ? staticValue(body).number(base, 'base').py : literal(10_000)
    const places = `torch.arange(${count.text}) / ${operand(count, levels.negate)}`
    return atom(`nn.Parameter(${operand(given, levels.atom)} ** -(${places}), requires_grad=False)`)
  }),
  silu: unary('F.silu'),
  gelu: unary('F.gelu'),
  relu: unary('F.relu'),
  sigmoid: unary('torch.sigmoid'),
  tanh: unary('torch.tanh'),
  softmax: plain((c, body) => after(body.translate(c.expression('x')), '.softmax(dim=-1)')),
  exp: unary('torch.exp'),
  log: unary('torch.log'),
  sqrt: unary('torch.sqrt'),
  sin: unary('torch.sin'),
  cos: unary('torch.cos'),
  minimum: aligned('torch.minimum'),
  maximum: aligned('torch.maximum'),
  matmul: plain((c, body) =>
    call('torch.matmul', body.translate(c.expression('a')), body.translate(c.expression('b'))),
  ),
  attend: plain((c, body) => {
    const [q, k, v] = ['q', 'k', 'v'].map((name) => c.expression(name)) as [Expression, Expression, Expression]
    let queries = body.translate(q)
    const perFrame = (e: Expression) => {
      const [named, repeated] = body.perFrame(body.translate(e), e, queries, q)
      queries = named
      return repeated
    }
    const [keys, values] = [perFrame(k), perFrame(v)]
    const mask = c.given('mask')
    if (!mask || !body.isTensor(mask)) return call('F.scaled_dot_product_attention', queries, keys, values)
    body.host.uses.add('attend')
    return call('attend', queries, keys, values, perFrame(mask))
  }),
  dropout: plain((c, body) => {
    const rate = c.expression('rate')
    if (body.all(rate).every((value) => scalarOf(value) === 0)) return body.translate(c.expression('x'))
    const parameter = rate.kind === 'name' ? body.host.parameters.get(rate.name) : undefined
    if (parameter) parameter.isFloat = true
    return call('F.dropout', body.translate(c.expression('x')), body.translate(rate), 'self.training')
  }),
  upsample: plain((c, body) => {
    const factor = c.expression('factor')
    if (body.all(factor).every((value) => scalarOf(value) === 1)) return body.translate(c.expression('x'))
    body.host.uses.add('upsample')
    return call('upsample', body.translate(c.expression('x')), body.translate(factor))
  }),
  reshape: plain((c, body) => {
    const shape = c.expression('shape')
    const sizes =
      shape.kind === 'shape'
        ? shape.items.map((item) => body.translate(item).text).join(', ')
        : body.translate(shape).text
    return after(body.translate(c.expression('x')), `.reshape(${sizes})`)
  }),
  transpose: plain((c, body) => {
    const axes = c.expression('axes')
    const x = body.translate(c.expression('x'))
    const numbers = axes.kind === 'shape' ? axes.items.map((item) => only(body.all(item).map(scalarOf))) : []
    if (numbers.length === 0 || numbers.includes(undefined)) return after(x, `.permute(${body.translate(axes).text})`)
    const moved = numbers.flatMap((axis, i) => (axis === i ? [] : [i]))
    if (moved.length === 0) return x
    return after(x, moved.length === 2 ? `.transpose(${moved.join(', ')})` : `.permute(${numbers.join(', ')})`)
  }),
  concat: plain((c, body) => {
    const [a, b] = [body.translate(c.expression('a')), body.translate(c.expression('b'))]
    return call('torch.cat', `(${a.text}, ${b.text})`, `dim=${axisOf(c, body, 'a')}`)
  }),
  chunk: plain((c, body) => {
    const count = body.translate(c.expression('count'))
    return after(body.translate(c.expression('x')), `.chunk(${count.text}, dim=${axisOf(c, body, 'x')})`)
  }),
  mean: reduction('mean'),
  sum: reduction('sum'),
  arange: plain((c, body) => {
    const like = body.aTensor() ?? body.refuse('`arange` where no tensor is', c.span)
    const count = body.translate(c.expression('count')).text
    return call('torch.arange', count, 'dtype=torch.float32', `device=${like}.device`)
  }),
  batch: size(0),
  channels: size((c, body) => String(featureAxis(c.expression('x'), body))),
  tokens: size(1),
  height: size(2),
  width: size(-1),
  size: size((c, body) => axisOf(c, body, 'x')),
}
