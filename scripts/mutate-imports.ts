/**
 * Opens many damaged files of other programs (safetensors, .pth and YAML, a third each) and fails where one makes the
 * importers throw, hang or grow. Usage: scripts/mutate.sh imports [--count 10000] [--seed 1] [--from 0]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { disk } from '../cli/sources.js'
import { checkFile } from '../compiler/compile.js'
import { DiagnosticList } from '../compiler/diagnostics/diagnostic.js'
import { renderDiagnostic } from '../compiler/diagnostics/render.js'
import { importReference } from '../compiler/import/import.js'
import { openWeights } from '../runtime/weights/open.js'
import { yamlMutants } from '../test/import/mutants.js'
import { readEverything } from '../test/weights/archives.js'
import { weightMutants } from '../test/weights/mutants.js'
import { hunt } from './hunt.js'

const formats = ['safetensors', 'pth', 'yaml'] as const
type Format = (typeof formats)[number]

interface Input {
  readonly format: Format
  readonly bytes: Uint8Array
}

/** Damaged files by number, the formats in turn. */
function inputs(seed: number): (index: number) => Input {
  const configurations = yamlMutants(seed)
  const weights = weightMutants(seed)
  return (index) => {
    const format = formats[index % formats.length] ?? 'yaml'
    return { format, bytes: format === 'yaml' ? configurations(index) : weights[format](index) }
  }
}

/** What came of a configuration: the codes of its diagnostics, or that it is a model. */
function importYaml(bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes).toString('utf8')
  const found = new DiagnosticList()
  const result = importReference('mutant.yaml', text, {}, found.report)
  for (const diagnostic of found.all) renderDiagnostic(diagnostic, new Map([['mutant.yaml', text]]))
  const codes = found.all.map(({ code }) => `yaml ${code}`)
  if (result === undefined) {
    if (codes.length === 0) throw new Error('refused without a diagnostic')
    return codes
  }
  const checked = checkFile('imported.mdm', {
    ...disk,
    read: (path) => (path === 'imported.mdm' ? result : disk.read(path)),
  })
  for (const diagnostic of checked.diagnostics) renderDiagnostic(diagnostic, checked.sources)
  return [...codes, checked.hasErrors ? 'yaml imported, refused by the checker' : 'yaml imported']
}

async function importWeights(path: string, { format, bytes }: Input): Promise<string[]> {
  writeFileSync(path, bytes)
  const found = new DiagnosticList()
  const source = await openWeights(path, found.report)
  for (const diagnostic of found.all) renderDiagnostic(diagnostic, new Map())
  if (source === undefined) {
    if (found.all.length === 0) throw new Error('refused without a diagnostic')
    return found.all.map(({ code }) => `${format} ${code}`)
  }
  try {
    await readEverything(source)
  } finally {
    await source.close()
  }
  return [`${format} read`]
}

await hunt({
  script: import.meta.url,
  count: 10_000,
  start: (seed) => {
    const input = inputs(seed)
    const folder = mkdtempSync(join(tmpdir(), 'mdmc-mutants-'))
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
    return (index) => {
      const made = input(index)
      return made.format === 'yaml'
        ? importYaml(made.bytes)
        : importWeights(join(folder, `mutant.${made.format}`), made)
    }
  },
  save: (seed, index) => {
    const { format, bytes } = inputs(seed)(index)
    const file = `.tmp/mutant-${seed}-${index}.${format}`
    writeFileSync(file, bytes)
    return file
  },
})
