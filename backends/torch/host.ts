/** A Python class or function while it is written: what its constructor takes and makes, and what its body says. */
import { torchLayerName } from '../../compiler/diagnostics/torch.js'
import type { Span } from '../../compiler/diagnostics/diagnostic.js'
import { Inexpressible } from './inexpressible.js'
import { bracketed, canBeAttribute, indented, lineLength, not, type Py } from './python.js'
import { ConstructorParameter, type Scalar } from './static.js'

/** A layer as the constructor makes it. */
export interface LayerEntry {
  /** Parts of its name; `*` stands for the number of a loop's turn. */
  readonly path: readonly string[]
  readonly py: Py
  /** What must hold for it to be made, from the outside in. */
  readonly conditions: readonly Py[]
  /** How many turns the loop has. */
  readonly count?: Py
}

export class Host {
  readonly parameters = new Map<string, ConstructorParameter>()
  /** Constructor arguments that the body needs as well: `self.NAME = NAME`. */
  readonly fields = new Set<string>()
  readonly entries: LayerEntry[] = []
  /** Further methods, each as lines. */
  readonly methods: string[][] = []
  readonly methodNames = new Set<string>()
  /** Names of what is outside of it that the text uses. */
  readonly uses = new Set<string>()

  constructor(
    readonly instances: number,
    /** What lies below a name in the checkpoint. */
    readonly childrenOf: (path: readonly string[]) => readonly string[],
    /** Published order of the layers. */
    readonly order: readonly string[],
  ) {}

  parameter(name: string, values: readonly (Scalar | undefined)[], hasDefault = false): ConstructorParameter {
    const known = this.parameters.get(name)
    if (known) return known
    const made = new ConstructorParameter(name, values, hasDefault)
    this.parameters.set(name, made)
    return made
  }

  /** A parameter that no definition has: a number that instances have in common with nothing that is known. */
  extraParameter(hint: string, values: readonly (Scalar | undefined)[]): ConstructorParameter {
    for (let i = 1; ; i++) {
      const name = i === 1 ? hint : `${hint}_${i}`
      if (!this.parameters.has(name)) return this.parameter(name, values)
    }
  }

  /** The attribute that holds an argument of the constructor. */
  field(name: string): string {
    return this.order.includes(name) || !canBeAttribute(name) ? `${name}_given` : name
  }

  addLayer(entry: LayerEntry, span: Span): void {
    const [root = ''] = entry.path
    if (!canBeAttribute(root)) throw new Inexpressible(torchLayerName({ name: root }), span)
    this.entries.push(entry)
  }

  /** Gives a function that brings back what there is now. */
  saved(): () => void {
    const [entries, methods, names] = [this.entries.length, this.methods.length, new Set(this.methodNames)]
    return () => {
      this.entries.splice(entries)
      this.methods.splice(methods)
      for (const name of this.methodNames) if (!names.has(name)) this.methodNames.delete(name)
    }
  }

  /** Parameters of the constructor that something uses: first those without a default. */
  get usedParameters(): ConstructorParameter[] {
    const text = this.construction().join('\n')
    const used = [...this.parameters.values()].filter(({ name }) => new RegExp(`(?<!self\\.)\\b${name}\\b`).test(text))
    const isInput = ({ name }: ConstructorParameter) => name === 'channels' || name === 'features'
    const ordered = [...used.filter(isInput), ...used.filter((one) => !isInput(one))]
    return [
      ...ordered.filter(({ fallback }) => fallback === undefined),
      ...ordered.filter(({ fallback }) => fallback !== undefined),
    ]
  }

  get signature(): string[] {
    return this.usedParameters.map((parameter) => {
      const { name, type, fallback } = parameter
      return `${name}: ${type}${fallback === undefined ? '' : ` = ${parameter.show(fallback)}`}`
    })
  }

  /** What an instance gives to the constructor. */
  arguments(instance: number): string[] {
    return this.usedParameters.flatMap((parameter) => {
      const value = parameter.values[instance]
      if (value === undefined || value === parameter.fallback) return []
      const text = parameter.show(value)
      return parameter.fallback === undefined ? [text] : [`${parameter.name}=${text}`]
    })
  }

  /** The statements of the constructor that make fields and layers. */
  construction(): string[] {
    const fields = [...this.fields].map((name) => `self.${this.field(name)} = ${name}`)
    const roots = [...new Set(this.entries.map(({ path }) => path[0] ?? ''))]
    const rank = (name: string) => (this.order.includes(name) ? this.order.indexOf(name) : this.order.length)
    roots.sort((a, b) => rank(a) - rank(b))
    const lines: string[] = []
    let open = ''
    for (const root of roots) {
      const entries = this.entries.filter(({ path }) => path[0] === root)
      const conditions = entries[0]?.conditions ?? []
      const key = conditions.map(({ text }) => text).join(' and ')
      const made = this.#assignment(root, entries).flatMap((line) => line.split('\n'))
      if (key === '') lines.push(...made)
      else lines.push(...(key === open ? [] : [`if ${key}:`]), ...indented(made))
      open = key
    }
    return [...fields, ...lines]
  }

  #assignment(root: string, entries: readonly LayerEntry[]): string[] {
    const [first] = entries
    if (first?.path.length === 1) return [`self.${root} = ${first.py.text}`]
    if (first?.count) {
      const [head, each] = [`self.${root} = nn.ModuleList(`, `${first.py.text} for _ in range(${first.count.text})`]
      return head.length + each.length + 9 <= lineLength ? [`${head}${each})`] : [head, ...indented([each]), ')']
    }
    return this.#container(`self.${root} = `, [root], entries)
  }

  /** A ModuleList where the names are 0, 1, ..., else a dictionary. */
  #container(head: string, path: readonly string[], entries: readonly LayerEntry[]): string[] {
    const depth = path.length
    const names = [...new Set(entries.map((entry) => entry.path[depth] ?? ''))]
    const items = names.map((name) => {
      const below = entries.filter((entry) => entry.path[depth] === name)
      const [only] = below
      const value =
        below.length === 1 && only?.path.length === depth + 1
          ? only.py.text
          : this.#container('', [...path, name], below).join('\n')
      return { name, value }
    })
    if (isList(this.childrenOf(path)))
      return bracketed(
        `${head}nn.ModuleList(`,
        '[]',
        items.toSorted((a, b) => Number(a.name) - Number(b.name)).map(({ value }) => value),
        ')',
        2,
      )
    const stored = items.every(({ value }) => value.startsWith('nn.Parameter('))
    const kind = stored ? 'ParameterDict' : 'ModuleDict'
    return bracketed(
      `${head}nn.${kind}(`,
      '{}',
      items.map(({ name, value }) => `"${name}": ${value}`),
      ')',
      2,
    )
  }
}

/** Whether names are 0, 1, 2, ... in any order. */
export function isList(names: readonly string[]): boolean {
  return names.length > 0 && Array.from(names, (_, i) => String(i)).every((name) => names.includes(name))
}

export function negated(condition: Py): Py {
  return condition.text.startsWith('not ') ? { ...condition, text: condition.text.slice(4) } : not(condition)
}
