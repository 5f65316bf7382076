/** Types of the syntax tree. Generated from parser.ts by `npm run grammar`; do not edit. */
import type { CstNode, ICstVisitor, IToken } from 'chevrotain'

export interface FileCstNode extends CstNode {
  name: 'file'
  children: FileCstChildren
}

export type FileCstChildren = {
  importStatement?: ImportStatementCstNode[]
  model?: ModelCstNode[]
  block?: BlockCstNode[]
  settings?: SettingsCstNode[]
}

export interface ImportStatementCstNode extends CstNode {
  name: 'importStatement'
  children: ImportStatementCstChildren
}

export type ImportStatementCstChildren = {
  import: IToken[]
  LeftBrace: IToken[]
  Name: IToken[]
  Comma?: IToken[]
  RightBrace: IToken[]
  from: IToken[]
  String: IToken[]
}

export interface ModelCstNode extends CstNode {
  name: 'model'
  children: ModelCstChildren
}

export type ModelCstChildren = {
  model: IToken[]
  Name: IToken[]
  nests?: IToken[]
  section: SectionCstNode[]
}

export interface SettingsCstNode extends CstNode {
  name: 'settings'
  children: SettingsCstChildren
}

export type SettingsCstChildren = {
  train?: IToken[]
  sample?: IToken[]
  Name: IToken[]
  section: SectionCstNode[]
}

export interface SectionCstNode extends CstNode {
  name: 'section'
  children: SectionCstChildren
}

export type SectionCstChildren = {
  LeftBrace: IToken[]
  property?: PropertyCstNode[]
  RightBrace: IToken[]
}

export interface PropertyCstNode extends CstNode {
  name: 'property'
  children: PropertyCstChildren
}

export type PropertyCstChildren = {
  Name: IToken[]
  word?: WordCstNode[]
  value?: ValueCstNode[]
  section?: SectionCstNode[]
}

export interface WordCstNode extends CstNode {
  name: 'word'
  children: WordCstChildren
}

export type WordCstChildren = {
  Name: IToken[]
  callArguments?: CallArgumentsCstNode[]
}

export interface ValueCstNode extends CstNode {
  name: 'value'
  children: ValueCstChildren
}

export type ValueCstChildren = {
  ratio?: RatioCstNode[]
  String?: IToken[]
  yes?: IToken[]
  no?: IToken[]
  none?: IToken[]
  list?: ListCstNode[]
  reference?: ReferenceCstNode[]
}

export interface RatioCstNode extends CstNode {
  name: 'ratio'
  children: RatioCstChildren
}

export type RatioCstChildren = {
  signedNumber: SignedNumberCstNode[]
  Colon?: IToken[]
}

export interface SignedNumberCstNode extends CstNode {
  name: 'signedNumber'
  children: SignedNumberCstChildren
}

export type SignedNumberCstChildren = {
  Minus?: IToken[]
  Number: IToken[]
}

export interface ListCstNode extends CstNode {
  name: 'list'
  children: ListCstChildren
}

export type ListCstChildren = {
  LeftBracket: IToken[]
  signedNumber?: SignedNumberCstNode[]
  String?: IToken[]
  Comma?: IToken[]
  RightBracket: IToken[]
}

export interface ReferenceCstNode extends CstNode {
  name: 'reference'
  children: ReferenceCstChildren
}

export type ReferenceCstChildren = {
  Identifier: IToken[]
  callArguments?: CallArgumentsCstNode[]
}

export interface BlockCstNode extends CstNode {
  name: 'block'
  children: BlockCstChildren
}

export type BlockCstChildren = {
  block: IToken[]
  Name: IToken[]
  LeftParenthesis: IToken[]
  blockParameter?: BlockParameterCstNode[]
  Comma?: IToken[]
  RightParenthesis: IToken[]
  body: BodyCstNode[]
}

export interface BlockParameterCstNode extends CstNode {
  name: 'blockParameter'
  children: BlockParameterCstChildren
}

export type BlockParameterCstChildren = {
  Name: IToken[]
  Equals?: IToken[]
  expression?: ExpressionCstNode[]
}

export interface BodyCstNode extends CstNode {
  name: 'body'
  children: BodyCstChildren
}

export type BodyCstChildren = {
  LeftBrace: IToken[]
  statement?: StatementCstNode[]
  RightBrace: IToken[]
}

export interface StatementCstNode extends CstNode {
  name: 'statement'
  children: StatementCstChildren
}

export type StatementCstChildren = {
  returnStatement?: ReturnStatementCstNode[]
  orderStatement?: OrderStatementCstNode[]
  forStatement?: ForStatementCstNode[]
  assignment?: AssignmentCstNode[]
}

export interface ReturnStatementCstNode extends CstNode {
  name: 'returnStatement'
  children: ReturnStatementCstChildren
}

export type ReturnStatementCstChildren = {
  return: IToken[]
  expression: ExpressionCstNode[]
  Comma?: IToken[]
}

export interface OrderStatementCstNode extends CstNode {
  name: 'orderStatement'
  children: OrderStatementCstChildren
}

export type OrderStatementCstChildren = {
  order: IToken[]
  Name: IToken[]
  Comma?: IToken[]
}

export interface ForStatementCstNode extends CstNode {
  name: 'forStatement'
  children: ForStatementCstChildren
}

export type ForStatementCstChildren = {
  for: IToken[]
  Name: IToken[]
  in: IToken[]
  expression: ExpressionCstNode[]
  Range: IToken[]
  body: BodyCstNode[]
}

export interface AssignmentCstNode extends CstNode {
  name: 'assignment'
  children: AssignmentCstChildren
}

export type AssignmentCstChildren = {
  Name: IToken[]
  Comma?: IToken[]
  Equals: IToken[]
  expression: ExpressionCstNode[]
}

export interface ExpressionCstNode extends CstNode {
  name: 'expression'
  children: ExpressionCstChildren
}

export type ExpressionCstChildren = {
  conditional?: ConditionalCstNode[]
  pipeline?: PipelineCstNode[]
}

export interface ConditionalCstNode extends CstNode {
  name: 'conditional'
  children: ConditionalCstChildren
}

export type ConditionalCstChildren = {
  if: IToken[]
  disjunction: DisjunctionCstNode[]
  then: IToken[]
  expression: ExpressionCstNode[]
  else: IToken[]
}

export interface PipelineCstNode extends CstNode {
  name: 'pipeline'
  children: PipelineCstChildren
}

export type PipelineCstChildren = {
  disjunction: DisjunctionCstNode[]
  Pipe?: IToken[]
  stage?: StageCstNode[]
}

export interface StageCstNode extends CstNode {
  name: 'stage'
  children: StageCstChildren
}

export type StageCstChildren = {
  label?: LabelCstNode[]
  Name: IToken[]
  callArguments?: CallArgumentsCstNode[]
}

export interface LabelCstNode extends CstNode {
  name: 'label'
  children: LabelCstChildren
}

export type LabelCstChildren = {
  Name: IToken[]
  Dot?: IToken[]
  LeftBracket?: IToken[]
  expression?: ExpressionCstNode[]
  RightBracket?: IToken[]
  Colon: IToken[]
}

export interface DisjunctionCstNode extends CstNode {
  name: 'disjunction'
  children: DisjunctionCstChildren
}

export type DisjunctionCstChildren = {
  conjunction: ConjunctionCstNode[]
  or?: IToken[]
}

export interface ConjunctionCstNode extends CstNode {
  name: 'conjunction'
  children: ConjunctionCstChildren
}

export type ConjunctionCstChildren = {
  negation: NegationCstNode[]
  and?: IToken[]
}

export interface NegationCstNode extends CstNode {
  name: 'negation'
  children: NegationCstChildren
}

export type NegationCstChildren = {
  not?: IToken[]
  comparison: ComparisonCstNode[]
}

export interface ComparisonCstNode extends CstNode {
  name: 'comparison'
  children: ComparisonCstChildren
}

export type ComparisonCstChildren = {
  addition: AdditionCstNode[]
  Equality?: IToken[]
  Comparison?: IToken[]
}

export interface AdditionCstNode extends CstNode {
  name: 'addition'
  children: AdditionCstChildren
}

export type AdditionCstChildren = {
  multiplication: MultiplicationCstNode[]
  Plus?: IToken[]
  Minus?: IToken[]
}

export interface MultiplicationCstNode extends CstNode {
  name: 'multiplication'
  children: MultiplicationCstChildren
}

export type MultiplicationCstChildren = {
  unary: UnaryCstNode[]
  Product?: IToken[]
}

export interface UnaryCstNode extends CstNode {
  name: 'unary'
  children: UnaryCstChildren
}

export type UnaryCstChildren = {
  Minus?: IToken[]
  primary: PrimaryCstNode[]
}

export interface PrimaryCstNode extends CstNode {
  name: 'primary'
  children: PrimaryCstChildren
}

export type PrimaryCstChildren = {
  Number?: IToken[]
  yes?: IToken[]
  no?: IToken[]
  none?: IToken[]
  shapeLiteral?: ShapeLiteralCstNode[]
  parenthesised?: ParenthesisedCstNode[]
  nameOrCall?: NameOrCallCstNode[]
}

export interface ShapeLiteralCstNode extends CstNode {
  name: 'shapeLiteral'
  children: ShapeLiteralCstChildren
}

export type ShapeLiteralCstChildren = {
  LeftBracket: IToken[]
  expression?: ExpressionCstNode[]
  Comma?: IToken[]
  RightBracket: IToken[]
}

export interface ParenthesisedCstNode extends CstNode {
  name: 'parenthesised'
  children: ParenthesisedCstChildren
}

export type ParenthesisedCstChildren = {
  LeftParenthesis: IToken[]
  expression: ExpressionCstNode[]
  RightParenthesis: IToken[]
}

export interface NameOrCallCstNode extends CstNode {
  name: 'nameOrCall'
  children: NameOrCallCstChildren
}

export type NameOrCallCstChildren = {
  Name: IToken[]
  callArguments?: CallArgumentsCstNode[]
}

export interface CallArgumentsCstNode extends CstNode {
  name: 'callArguments'
  children: CallArgumentsCstChildren
}

export type CallArgumentsCstChildren = {
  LeftParenthesis: IToken[]
  argument?: ArgumentCstNode[]
  Comma?: IToken[]
  RightParenthesis: IToken[]
}

export interface ArgumentCstNode extends CstNode {
  name: 'argument'
  children: ArgumentCstChildren
}

export type ArgumentCstChildren = {
  Name?: IToken[]
  Colon?: IToken[]
  expression: ExpressionCstNode[]
}

export interface ICstNodeVisitor<IN, OUT> extends ICstVisitor<IN, OUT> {
  file(children: FileCstChildren, param?: IN): OUT
  importStatement(children: ImportStatementCstChildren, param?: IN): OUT
  model(children: ModelCstChildren, param?: IN): OUT
  settings(children: SettingsCstChildren, param?: IN): OUT
  section(children: SectionCstChildren, param?: IN): OUT
  property(children: PropertyCstChildren, param?: IN): OUT
  word(children: WordCstChildren, param?: IN): OUT
  value(children: ValueCstChildren, param?: IN): OUT
  ratio(children: RatioCstChildren, param?: IN): OUT
  signedNumber(children: SignedNumberCstChildren, param?: IN): OUT
  list(children: ListCstChildren, param?: IN): OUT
  reference(children: ReferenceCstChildren, param?: IN): OUT
  block(children: BlockCstChildren, param?: IN): OUT
  blockParameter(children: BlockParameterCstChildren, param?: IN): OUT
  body(children: BodyCstChildren, param?: IN): OUT
  statement(children: StatementCstChildren, param?: IN): OUT
  returnStatement(children: ReturnStatementCstChildren, param?: IN): OUT
  orderStatement(children: OrderStatementCstChildren, param?: IN): OUT
  forStatement(children: ForStatementCstChildren, param?: IN): OUT
  assignment(children: AssignmentCstChildren, param?: IN): OUT
  expression(children: ExpressionCstChildren, param?: IN): OUT
  conditional(children: ConditionalCstChildren, param?: IN): OUT
  pipeline(children: PipelineCstChildren, param?: IN): OUT
  stage(children: StageCstChildren, param?: IN): OUT
  label(children: LabelCstChildren, param?: IN): OUT
  disjunction(children: DisjunctionCstChildren, param?: IN): OUT
  conjunction(children: ConjunctionCstChildren, param?: IN): OUT
  negation(children: NegationCstChildren, param?: IN): OUT
  comparison(children: ComparisonCstChildren, param?: IN): OUT
  addition(children: AdditionCstChildren, param?: IN): OUT
  multiplication(children: MultiplicationCstChildren, param?: IN): OUT
  unary(children: UnaryCstChildren, param?: IN): OUT
  primary(children: PrimaryCstChildren, param?: IN): OUT
  shapeLiteral(children: ShapeLiteralCstChildren, param?: IN): OUT
  parenthesised(children: ParenthesisedCstChildren, param?: IN): OUT
  nameOrCall(children: NameOrCallCstChildren, param?: IN): OUT
  callArguments(children: CallArgumentsCstChildren, param?: IN): OUT
  argument(children: ArgumentCstChildren, param?: IN): OUT
}
