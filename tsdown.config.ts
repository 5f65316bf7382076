/** The package: the command line and the library, with what they need at start (devDependencies) bundled in. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'tsdown'

/** The licences of all packages that are bundled, as those licences ask. */
const licences = {
  name: 'licences',
  generateBundle(this: { getModuleIds(): Iterable<string>; emitFile(file: object): void }) {
    const folders = [...this.getModuleIds()].map((id) => /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1])
    const texts = [...new Set(folders.filter((folder) => folder !== undefined))].sort().map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Package
      const file = existsSync(folder) && readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
      return `${name} ${version} (${license})\n\n${file ? readFileSync(join(folder, file), 'utf8').trim() : ''}\n`
    })
    this.emitFile({ type: 'asset', fileName: 'licences.txt', source: texts.join(`\n${'-'.repeat(80)}\n\n`) })
  },
}

interface Package {
  readonly name: string
  readonly version: string
  readonly license: string
}

/** What modules of tfjs share, as one file to read and to run anywhere. */
const tfjsRuntime = defineConfig({
  entry: { 'tfjs-runtime': 'runtime/tfjs/index.ts' },
  format: 'esm',
  platform: 'node',
  target: 'es2022',
  outDir: 'dist',
  dts: false,
  copy: [{ from: 'runtime/tfjs/public.d.ts', to: 'dist', rename: 'tfjs-runtime.d.ts' }],
  clean: false,
  fixedExtension: false,
  // Ops and diagnostics are declared by calls; those that nothing uses are left out.
  treeshake: { moduleSideEffects: false, manualPureFunctions: ['diagnostic', 'defineOp'] },
  inputOptions: { checks: { pluginTimings: false } },
})

const program = defineConfig({
  entry: { mdmc: 'cli/main.ts', index: 'index.ts', 'data-worker': 'runtime/data/worker.ts' },
  format: 'esm',
  platform: 'node',
  target: 'node20',
  outDir: 'dist',
  // Hundreds of small files take longer to load than to run.
  deps: { onlyBundle: false },
  dts: { build: false },
  copy: [{ from: 'backends/torch/training', to: 'dist', rename: 'torch-training' }],
  clean: true,
  fixedExtension: false,
  plugins: [licences],
  inputOptions: { checks: { pluginTimings: false } },
})

export default [program, tfjsRuntime].flat()
