/** The model of a case: through the importer and the checker, as a user's configuration would go. */
import { checkProgram } from '../../compiler/check/check.js'
import { load, type SourceHost } from '../../compiler/check/load.js'
import type { Model } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { importReference } from '../../compiler/import/import.js'
import { type RecordedCase } from './case.js'
import { asObject } from '../json.js'

export function modelOf(recorded: RecordedCase, host: SourceHost, report: Report): Model | undefined {
  const text = importReference(`${recorded.path}/case.json`, configuration(recorded), { name: 'case' }, report)
  if (text === undefined) return undefined
  const memory: SourceHost = {
    read: (path) => (path === 'case.mdm' ? text : host.read(path)),
    resolve: (from, to) => host.resolve(from, to),
  }
  const program = load('case.mdm', memory, report)
  return program && checkProgram(program, report).at(-1)
}

/** The settings of a case as the reference implementation's files would give them. */
function configuration({ json, sizes, tensors }: RecordedCase): string {
  const labels = tensors?.entries.some(({ name }) => name === 'in.labels') ?? false
  const diffusion =
    'sampler' in json
      ? { diffusion_config: { use_vdm_loss_weights: false, ...asObject(json.diffusion), sampler_config: json.sampler } }
      : {}
  return JSON.stringify({
    unet_config: json.reference_config,
    categorical_conditioning: labels,
    image_size: sizes[0],
    ...diffusion,
  })
}
