import { defineConfig } from 'tsdown'

export default defineConfig({
  entry: { mdmc: 'cli/main.ts', index: 'index.ts' },
  format: 'esm',
  platform: 'node',
  target: 'node20',
  outDir: 'dist',
  dts: { build: false },
  clean: true,
  fixedExtension: false,
})
