/** The part of railroad-diagrams that is used; the package has no types. */
declare module 'railroad-diagrams' {
  export interface Piece {
    toString(): string
  }
  type Content = Piece | string
  const pieces: {
    Diagram(...items: readonly Content[]): Piece
    Sequence(...items: readonly Content[]): Piece
    Choice(normal: number, ...items: readonly Content[]): Piece
    Optional(item: Content): Piece
    OneOrMore(item: Content, between?: Content): Piece
    ZeroOrMore(item: Content, between?: Content): Piece
    Terminal(text: string): Piece
    NonTerminal(text: string): Piece
  }
  export default pieces
}
