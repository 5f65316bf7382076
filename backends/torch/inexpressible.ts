/** What the language can say and the generated PyTorch cannot, on its way from its place to a diagnostic. */
import type { Finding, Span } from '../../compiler/diagnostics/diagnostic.js'

export class Inexpressible extends Error {
  constructor(
    readonly finding: Finding,
    readonly span: Span,
  ) {
    super(finding.message)
  }
}
