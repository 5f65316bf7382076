/** Checks blocks as they are written, whether or not a model uses them: names, calls, labels, returns. */
import * as say from '../diagnostics/block.js'
import type { Report, Span } from '../diagnostics/diagnostic.js'
import { duplicateName, unknownName } from '../diagnostics/language.js'
import { notABlock } from '../diagnostics/model.js'
import type * as ast from '../syntax/ast.js'
import { functions, signatureOf, words } from './functions.js'
import { circles } from './circles.js'
import { layerNames, type Call } from './layer_names.js'
import type { LoadedFile } from './load.js'
import { nearestFix } from './spelling.js'

/** Reports what is wrong in the blocks of a file, each mistake at its place, all in one run. */
export function checkBlocks(file: LoadedFile, report: Report): void {
  for (const block of file.syntax.blocks) {
    const definition = file.names.get(block.name.text)
    if (block.damaged || definition?.syntax !== block) continue
    new BlockChecker(file, report).check(block)
  }
  for (const [first, ...more] of circles(file)) {
    if (first) report(say.recursiveBlock({ chain: [first, ...more].map(({ name }) => name.text) }), first.name.span)
  }
}

/** What a call needs to know of what it calls. */
interface Callee {
  readonly parameters: readonly { readonly name: string; readonly optional: boolean }[]
  /** Whether it has stored tensors; undefined: not known. */
  readonly layers: boolean | undefined
  /** Whether it must have a name in the checkpoint, rather than may. */
  readonly named: boolean
  /** Whether it is a block rather than a function. */
  readonly block: boolean
}

class BlockChecker {
  readonly #known = new Set<string>()
  readonly #reported = new Set<string>()

  constructor(
    private readonly file: LoadedFile,
    private readonly report: Report,
  ) {}

  check(block: ast.BlockSyntax): void {
    const places = new Map<string, Span>()
    for (const { name, default: value } of block.parameters) {
      if (value) this.#expression(value)
      this.#once('parameter', name, places)
      this.#known.add(name.text)
    }
    this.#statements(block.body)
    if (!returns(block.body)) this.report(say.noReturn({ block: block.name.text }), block.name.span)
    this.#order(block)
  }

  #once(what: string, name: ast.Named, places: Map<string, Span>): void {
    const before = places.get(name.text)
    if (before)
      this.report(duplicateName({ what, name: name.text }), name.span, {
        because: [{ span: before, text: 'first here' }],
      })
    places.set(name.text, name.span)
  }

  #statements(body: readonly ast.Statement[]): void {
    body.forEach((statement, i) => {
      const before = body[i - 1]
      if (before?.kind === 'return') {
        this.report(say.statementAfterReturn(), statement.span, {
          because: [
            { span: { ...before.span, end: before.span.start + 'return'.length }, text: 'the block ends here' },
          ],
        })
      }
      this.#statement(statement)
    })
  }

  #statement(statement: ast.Statement): void {
    switch (statement.kind) {
      case 'return':
        for (const value of statement.values) this.#expression(value)
        break
      case 'assign': {
        this.#expression(statement.value)
        const places = new Map<string, Span>()
        for (const target of statement.targets) {
          this.#once('value', target, places)
          this.#known.add(target.text)
        }
        break
      }
      case 'for':
        this.#expression(statement.from)
        this.#expression(statement.to)
        this.#known.add(statement.variable.text)
        this.#statements(statement.body)
        break
      case 'order':
    }
  }

  #expression(e: ast.Expression): void {
    switch (e.kind) {
      case 'number':
        if (Number.isNaN(e.value)) this.report(say.numberWithUnit(), e.span)
        else if (!Number.isFinite(e.value))
          this.report(say.tooLarge({ what: 'this number', most: Number.MAX_VALUE }), e.span)
        break
      case 'name':
        this.#name(e.name, e.span)
        break
      case 'shape':
        for (const item of e.items) this.#expression(item)
        break
      case 'unary':
        this.#expression(e.operand)
        break
      case 'binary':
        this.#expression(e.left)
        this.#expression(e.right)
        break
      case 'if':
        for (const part of [e.condition, e.then, e.otherwise]) this.#expression(part)
        break
      case 'call':
        this.#call(e)
        break
      case 'yesno':
      case 'none':
    }
  }

  #name(name: string, span: Span): void {
    if (this.#known.has(name) || words.some((word) => word === name) || this.#reported.has(name)) return
    this.#reported.add(name)
    const known = [...this.#known]
    this.report(
      say.unknownVariable({ name, known, callable: this.#callable(name) }),
      span,
      nearestFix(name, known, span),
    )
  }

  #callable(name: string): boolean {
    return signatureOf(name) !== undefined || this.file.names.get(name)?.kind === 'block'
  }

  #call(call: Call): void {
    if (call.piped) this.#expression(call.piped)
    for (const argument of call.arguments) this.#expression(argument.value)
    for (const part of call.label?.parts ?? []) if ('index' in part) this.#expression(part.index)
    const callee = this.#callee(call)
    if (callee === undefined) return
    this.#arguments(call, callee)
    if (callee.named && !call.label) this.report(say.unnamedLayer({ callee: call.callee.text }), call.span)
    if (callee.layers === false && call.label) this.#needlessLabel(call, call.label)
  }

  #needlessLabel(call: Call, label: ast.LayerLabel): void {
    const edits = [{ span: { ...label.span, end: call.callee.span.start }, replacement: '' }]
    this.report(say.labelWithoutLayer({ callee: call.callee.text }), label.span, {
      fix: { title: 'remove the name', edits },
    })
  }

  #callee({ callee: { text, span } }: Call): Callee | undefined {
    const definition = this.file.names.get(text)
    if (definition?.kind === 'block') {
      const { syntax, file } = definition
      if (syntax.damaged) return undefined
      const parameters = syntax.parameters.map((parameter) => ({
        name: parameter.name.text,
        optional: parameter.default !== undefined,
      }))
      const layers = layerNames(syntax, file)
      return { parameters, layers: layers.complete ? layers.names.length > 0 : undefined, named: false, block: true }
    }
    const signature = signatureOf(text)
    if (signature) {
      const parameters = signature.parameters.map((name) => ({
        name: name.replace('?', ''),
        optional: name.endsWith('?'),
      }))
      return { parameters, layers: signature.layer ?? false, named: signature.layer ?? false, block: false }
    }
    const known = [
      ...Object.keys(functions),
      ...[...this.file.names].filter(([, other]) => other.kind === 'block').map(([name]) => name),
    ]
    if (definition) this.report(notABlock({ name: text, found: 'model', expected: 'block' }), span)
    else if (!this.file.incomplete)
      this.report(say.unknownFunction({ name: text, known }), span, nearestFix(text, known, span))
    return undefined
  }

  #arguments(call: Call, { parameters, block }: Callee): void {
    const callee = call.callee.text
    const names = parameters.map(({ name }) => name)
    const places = new Map<string, Span>()
    const positional = [
      ...(call.piped ? [call.piped.span] : []),
      ...call.arguments.flatMap(({ name, value }) => (name ? [] : [value.span])),
    ]
    const surplus = positional[names.length]
    if (surplus) this.report(say.tooManyArguments({ callee, given: positional.length, most: names.length }), surplus)
    positional.slice(0, names.length).forEach((span, i) => places.set(names[i] ?? '', span))
    for (const { name } of call.arguments) {
      if (name === undefined) continue
      if (!names.includes(name.text))
        this.report(
          say.unknownArgument({ callee, name: name.text, known: names }),
          name.span,
          nearestFix(name.text, names, name.span),
        )
      else this.#once('argument', name, places)
      places.set(name.text, name.span)
    }
    const misspelt = call.arguments.some(({ name }) => name && !names.includes(name.text))
    const missing = parameters.find(({ name, optional }) => !optional && !places.has(name))
    if (missing && !misspelt) this.report(say.missingArgument({ callee, name: missing.name, block }), call.span)
  }

  /** `order` can only name layers that there are. */
  #order(block: ast.BlockSyntax): void {
    const { names: known, complete } = layerNames(block, this.file)
    for (const statement of block.body) {
      if (statement.kind !== 'order' || !complete) continue
      const places = new Map<string, Span>()
      for (const name of statement.names) {
        this.#once('layer', name, places)
        if (!known.includes(name.text))
          this.report(
            unknownName({ what: 'layer', name: name.text, known }),
            name.span,
            nearestFix(name.text, known, name.span),
          )
      }
    }
  }
}

function returns(body: readonly ast.Statement[]): boolean {
  return body.some((statement) => statement.kind === 'return' || (statement.kind === 'for' && returns(statement.body)))
}
