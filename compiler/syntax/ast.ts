/** The abstract syntax tree: what a file says, each part with its place. Nothing is checked yet. */
import type { Span } from '../diagnostics/diagnostic.js'

export interface Named {
  readonly text: string
  readonly span: Span
}

export interface File {
  readonly path: string
  readonly imports: readonly Import[]
  readonly models: readonly ModelSyntax[]
  readonly blocks: readonly BlockSyntax[]
  readonly settings: readonly SettingsSyntax[]
  /** Whether mistakes in writing hide parts of the file. */
  readonly damaged: boolean
}

export interface Import {
  readonly names: readonly Named[]
  readonly from: Named
}

export interface ModelSyntax {
  readonly name: Named
  readonly nests: Named | undefined
  readonly section: Section
  /** Whether mistakes in writing hide parts of it; they have been reported. */
  readonly damaged: boolean
}

/** A `train` or `sample` section of a file. */
export interface SettingsSyntax {
  readonly kind: 'train' | 'sample'
  readonly name: Named
  readonly section: Section
  /** Whether mistakes in writing hide parts of it; they have been reported. */
  readonly damaged: boolean
}

export interface Section {
  readonly properties: readonly Property[]
  readonly span: Span
}

export interface Property {
  readonly key: Named
  readonly values: readonly PropertyValue[]
  readonly section: Section | undefined
  readonly span: Span
}

export type PropertyValue =
  | { readonly kind: 'numbers'; readonly numbers: readonly NumberSyntax[]; readonly span: Span }
  | { readonly kind: 'string'; readonly text: string; readonly span: Span }
  | { readonly kind: 'yesno'; readonly value: boolean; readonly span: Span }
  | { readonly kind: 'none'; readonly span: Span }
  | { readonly kind: 'list'; readonly items: readonly (NumberSyntax | Named)[]; readonly span: Span }
  | {
      readonly kind: 'reference'
      readonly name: Named
      readonly arguments: readonly Argument[] | undefined
      readonly span: Span
    }

export interface NumberSyntax {
  readonly value: number
  readonly unit: string
  readonly span: Span
}

export interface BlockSyntax {
  readonly name: Named
  readonly parameters: readonly BlockParameter[]
  readonly body: readonly Statement[]
  /** Whether mistakes in writing hide parts of it; they have been reported. */
  readonly damaged: boolean
}

export interface BlockParameter {
  readonly name: Named
  readonly default: Expression | undefined
}

export type Statement =
  | { readonly kind: 'assign'; readonly targets: readonly Named[]; readonly value: Expression; readonly span: Span }
  | { readonly kind: 'return'; readonly values: readonly Expression[]; readonly span: Span }
  | { readonly kind: 'order'; readonly names: readonly Named[]; readonly span: Span }
  | {
      readonly kind: 'for'
      readonly variable: Named
      readonly from: Expression
      readonly to: Expression
      readonly body: readonly Statement[]
      readonly span: Span
    }

export interface Argument {
  readonly name: Named | undefined
  readonly value: Expression
}

/** A layer's name in the checkpoint; an index is worked out when the block is used. */
export interface LayerLabel {
  readonly parts: readonly (Named | { readonly index: Expression })[]
  readonly span: Span
}

export type BinaryOperator = '+' | '-' | '*' | '/' | '%' | '==' | '!=' | '<' | '<=' | '>' | '>=' | 'and' | 'or'

export type Expression =
  | { readonly kind: 'number'; readonly value: number; readonly span: Span }
  | { readonly kind: 'yesno'; readonly value: boolean; readonly span: Span }
  | { readonly kind: 'none'; readonly span: Span }
  | { readonly kind: 'name'; readonly name: string; readonly span: Span }
  | { readonly kind: 'shape'; readonly items: readonly Expression[]; readonly span: Span }
  | { readonly kind: 'unary'; readonly operator: '-' | 'not'; readonly operand: Expression; readonly span: Span }
  | {
      readonly kind: 'binary'
      readonly operator: BinaryOperator
      readonly left: Expression
      readonly right: Expression
      readonly span: Span
    }
  | {
      readonly kind: 'if'
      readonly condition: Expression
      readonly then: Expression
      readonly otherwise: Expression
      readonly span: Span
    }
  | {
      readonly kind: 'call'
      readonly callee: Named
      readonly label: LayerLabel | undefined
      readonly piped: Expression | undefined
      readonly arguments: readonly Argument[]
      readonly span: Span
    }
