/** Calls within a block as Python: functions, layers with their construction, and other blocks. */
import { signatureOf, type FunctionName } from '../../compiler/check/functions.js'
import { functions, type CallWriter } from './functions.js'
import { isList } from './host.js'
import { atom, call, literal, type Py } from './python.js'
import { only, scalarOf, type Static } from './static.js'
import { staticValue } from './statics.js'
import type { Body, Call, Expression } from './translate.js'
import type { Entry } from './registry.js'

/** A layer, how it is made, and what it is applied to. */
export interface Layer {
  /** `nn.Conv2d(channels, out, 3, padding=1)` */
  readonly made: Py
  /** What is given to it each time; a stored tensor is given nothing. */
  readonly given: readonly (() => Py)[]
}

export function writeCall(body: Body, e: Call): Py {
  const sequence = sequenceThatEnds(body, e)
  if (sequence) return sequence
  const inner = body.runs.flatMap((runs) => runs.flatMap((run) => run.calls(e, body.turns)))
  if (inner.length > 0) return blockCall(body, e)
  const name = e.callee.text as FunctionName
  const signature = signatureOf(name)
  if (signature === undefined) return body.refuse(`\`${name}\``, e.span)
  if (!signature.layer) return functions[name].write(writer(body, e), body)
  const layer = functionLayer(body, e)
  const access = addLayer(body, e, layer.made)
  return layer.given.length === 0 ? access : applied(access, layer)
}

function applied(access: Py, { given }: Layer): Py {
  return call(access.text, ...given.map((one) => one()))
}

/** The expression given for each parameter. */
function argumentsOf(e: Call, names: readonly string[]): Map<string, Expression> {
  const given = new Map<string, Expression>()
  let position = 0
  if (e.piped) given.set(names[position++] ?? '', e.piped)
  for (const { name, value } of e.arguments) given.set(name?.text ?? names[position++] ?? '', value)
  return given
}

function writer(body: Body, e: Call): CallWriter {
  const signature = signatureOf(e.callee.text)
  const given = argumentsOf(
    e,
    (signature?.parameters ?? []).map((name: string) => name.replace('?', '')),
  )
  return {
    span: e.span,
    given: (name) => given.get(name),
    expression: (name) => given.get(name) ?? body.refuse(`\`${e.callee.text}\` without \`${name}\``, e.span),
  }
}

function functionLayer(body: Body, e: Call): Layer {
  const { layer } = functions[e.callee.text as FunctionName]
  return layer ? layer(writer(body, e), body) : body.refuse(`\`${e.callee.text}\``, e.span)
}

/** The parts of a layer's name, `*` for the number of a loop's turn. */
function pathOf(body: Body, e: Call): string[] {
  return (e.label?.parts ?? []).map((part) => {
    if (!('index' in part)) return part.text
    if (part.index.kind === 'name' && part.index.name === body.loop?.variable) return '*'
    const number = only(body.all(part.index).map(scalarOf)) ?? staticIndex(body, part.index)
    return String(number ?? body.refuse('a name of a layer that depends on the place', e.span))
  })
}

function staticIndex(body: Body, index: Expression) {
  return only((staticValue(body).of(index)?.values ?? []).filter((value) => value !== undefined))
}

/** Lets the constructor make a layer; the result is how the body reaches it. */
function addLayer(body: Body, e: Call, made: Py): Py {
  const { host, conditions, loop } = body
  const path = pathOf(body, e)
  host.addLayer({ path, py: made, conditions, ...(loop ? { count: loop.count.py } : {}) }, e.span)
  return access(body, path)
}

function access(body: Body, path: readonly string[]): Py {
  const [root = '', ...more] = path
  const steps = more.map((name, i) => {
    if (name === '*') return `[${body.local(body.loop?.variable ?? '')}]`
    return isList(body.host.childrenOf(path.slice(0, i + 1))) ? `[${name}]` : `["${name}"]`
  })
  return atom(`self.${root}${steps.join('')}`)
}

function blockCall(body: Body, e: Call): Py {
  const { registry, host } = body
  const inner = body.runs.map((runs) => runs.flatMap((run) => run.calls(e, body.turns)))
  const first = inner.flat()[0]
  if (first === undefined) return body.refuse('a block that is never used', e.span)
  const { block } = first.at
  const given = argumentsOf(
    e,
    block.parameters.map(({ name }) => name.text),
  )
  if (registry.roleOf(first) === 'method') {
    const name = writeMethod(body, e, block.name.text, given)
    return call(`self.${name.name}`, ...argumentTexts(body, e, name.arguments, given, inner.flat()))
  }
  const entry = registry.entryOf(first)
  if (entry.host === undefined) {
    host.uses.add(entry.name)
    return call(entry.name, ...argumentTexts(body, e, entry.arguments, given, inner.flat()))
  }
  const layer = blockLayer(body, e, entry, given)
  return applied(addLayer(body, e, layer.made), layer)
}

function blockLayer(body: Body, e: Call, entry: Entry, given: ReadonlyMap<string, Expression>): Layer {
  const { host } = body
  const inner = body.runs.map((runs) => runs.flatMap((run) => run.calls(e, body.turns)))
  host.uses.add(entry.name)
  const made = (entry.host?.usedParameters ?? []).flatMap((parameter) => {
    const values = inner.map((runs) => only(runs.map((run) => parameter.values[entry.runs.indexOf(run)])))
    const { name, fallback } = parameter
    if (fallback !== undefined && values.every((value) => value === undefined || value === fallback)) return []
    const source = constructorArgument(body, given, name, values)
    return [fallback === undefined ? source.py.text : `${name}=${source.py.text}`]
  })
  return {
    made: call(entry.name, ...made),
    given: entry.arguments.map((name) => () => atom(argumentTexts(body, e, [name], given, inner.flat())[0] ?? '')),
  }
}

/** What a constructor says for a parameter of another: the argument as written, or the features of a tensor. */
function constructorArgument(
  body: Body,
  given: ReadonlyMap<string, Expression>,
  name: string,
  values: Static['values'],
): Static {
  const statics = staticValue(body)
  const written = given.get(name)
  const tensor = given.get(name.replace(/_(channels|features)$/, '')) ?? given.get('x')
  const guess = written ? statics.of(written) : tensor && statics.features(tensor)
  return statics.matching(values, name, guess)
}

function argumentTexts(
  body: Body,
  e: Call,
  names: readonly string[],
  given: ReadonlyMap<string, Expression>,
  inner: readonly { at: { given: ReadonlyMap<string, Parameters<typeof scalarOf>[0]> } }[],
): string[] {
  return names.map((name) => {
    const written = given.get(name)
    if (written) return body.translate(written).text
    const value = only(inner.map(({ at }) => scalarOf(at.given.get(name))))
    return value === undefined ? body.refuse(`\`${e.callee.text}\` without \`${name}\``, e.span) : literal(value).text
  })
}

/** A block without a name of its own: its layers belong to the class, its body is a method. */
function writeMethod(body: Body, e: Call, block: string, given: ReadonlyMap<string, Expression>) {
  const { host, registry } = body
  const inner = body.runs.map((runs) => runs.flatMap((run) => run.calls(e, body.turns)))
  const [first] = inner.flat()
  if (!first) return body.refuse('a block that is never used', e.span)
  let name = block
  for (let i = 2; host.methodNames.has(name); i++) name = `${block}_${i}`
  host.methodNames.add(name)
  const method = body.method(first.at.block, inner, given)
  const text = registry.define(method, name, 'method')
  host.methods.push(text.lines)
  return { name, arguments: text.arguments }
}

const activations: Readonly<Record<string, string>> = {
  silu: 'nn.SiLU()',
  gelu: 'nn.GELU()',
  relu: 'nn.ReLU()',
  sigmoid: 'nn.Sigmoid()',
  tanh: 'nn.Tanh()',
}

/**
 * Layers `name[0]`, `name[1]`, ... one behind the other, with functions in the places that have no layer, are an
 * nn.Sequential. Undefined where the call does not end such a chain.
 */
function sequenceThatEnds(body: Body, last: Call): Py | undefined {
  const [root, number, ...more] = last.label ? pathOf(body, last) : []
  if (root === undefined || number === undefined || more.length > 0 || body.loop || body.turns.length > 0)
    return undefined
  const children = body.host.childrenOf([root])
  const steps: Call[] = []
  for (let e: Expression | undefined = last, at = Number(number); at >= 0; at--) {
    if (e?.kind !== 'call' || !e.piped) return undefined
    const isLayer = children.includes(String(at))
    if (isLayer ? pathOf(body, e).join('.') !== `${root}.${at}` : !(e.callee.text in activations)) return undefined
    steps.unshift(e)
    e = e.piped
  }
  const start = steps[0]?.piped
  if (steps.length < 2 || children.some((name) => Number(name) > Number(number)) || !start) return undefined
  const items = steps.map((step) => {
    if (!step.label) return activations[step.callee.text] ?? ''
    const inner = body.runs.flatMap((runs) => runs.flatMap((run) => run.calls(step, body.turns)))
    const [first] = inner
    const names = first?.at.block.parameters.map(({ name }) => name.text) ?? []
    const layer = first
      ? blockLayer(body, step, body.registry.entryOf(first), argumentsOf(step, names))
      : functionLayer(body, step)
    return layer.given.length === 1 ? layer.made.text : undefined
  })
  if (items.some((item) => item === undefined)) return undefined
  const made = atom(`nn.Sequential(\n${items.map((item) => `    ${item ?? ''},\n`).join('')})`)
  body.host.addLayer({ path: [root], py: made, conditions: body.conditions }, last.span)
  return call(`self.${root}`, body.translate(start))
}
