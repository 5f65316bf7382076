/** Configurations of the reference implementation for tests: small, with what a test is about put in. */
import { stringify } from 'yaml'
import { checkFile, type CheckedFile } from '../../compiler/compile.js'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { renderDiagnostic } from '../../compiler/diagnostics/render.js'
import { importReference, type ImportOptions } from '../../compiler/import/import.js'
import { memoryHost } from '../host.js'

export type Config = Readonly<Record<string, unknown>>

/** A network of two resolutions without a condition. */
export const plain: Config = { resolution_channels: [32, 64], num_resnets_per_resolution: [1, 1], attention_levels: [] }

/** A part of two resolutions around `inner`. */
export function around(inner: Config, more: Config = {}): Config {
  return { ...plain, temporal_dim: 128, ...more, inner_config: { temporal_dim: 128, nesting: true, ...inner } }
}

export interface Imported {
  /** The .mdm text; undefined where the configuration was refused. */
  readonly text: string | undefined
  readonly codes: readonly string[]
  /** What the user reads. */
  readonly shown: string
}

/** Imports a configuration, given as a value or as YAML. */
export function imported(config: Config | string, options: ImportOptions = {}): Imported {
  const yaml = typeof config === 'string' ? config : stringify(config)
  const found = new DiagnosticList()
  const text = importReference('config.yaml', yaml, { name: 'net', ...options }, found.report)
  const sources = new Map([['config.yaml', yaml]])
  const shown = found.all.map((diagnostic) => renderDiagnostic(diagnostic, sources)).join('\n\n')
  return { text, codes: found.all.map(({ code }) => code), shown }
}

/** Checks imported text as a file of its own. */
export function checked(text: string): CheckedFile {
  return checkFile('net.mdm', memoryHost({ 'net.mdm': text }))
}

/** The text of a configuration that must be fine. */
export function good(config: Config | string, options: ImportOptions = {}): string {
  const { text, shown } = imported(config, options)
  if (text === undefined || shown !== '') throw new Error(shown)
  const { diagnostics, sources } = checked(text)
  const faults = diagnostics.filter(({ severity }) => severity === 'error')
  if (faults.length > 0) throw new Error(faults.map((it) => renderDiagnostic(it, sources)).join('\n') + text)
  return text
}
