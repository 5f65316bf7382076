/** Models for tests of sampling and losses, from their text. */
import { checkFile } from '../../compiler/compile.js'
import type { Model } from '../../compiler/check/model.js'
import { memoryHost } from '../host.js'

/** The last model of a source; its mistakes fail the test. */
export function modelOf(source: string): Model {
  const { models, diagnostics } = checkFile('test.mdm', memoryHost({ 'test.mdm': source }))
  const model = models.at(-1)
  if (model === undefined || diagnostics.some(({ severity }) => severity === 'error'))
    throw new Error(diagnostics.map(({ message }) => message).join('; '))
  return model
}
