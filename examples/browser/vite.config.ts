/** Bundles the page with the model in the folder that the variable MODEL names, and makes it work offline. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { defineConfig, type Plugin } from 'vite'

const here = import.meta.dirname
const model = resolve(process.env.MODEL ?? join(here, 'model'))

const prefix = 'virtual:model/'

/** Finds `virtual:model/...` in the folder that `mdmc compile --target tfjs` wrote. */
const compiledModel: Plugin = {
  name: 'compiled-model',
  enforce: 'pre',
  buildStart() {
    if (existsSync(join(model, 'index.js'))) return
    const folder = relative('.', model)
    const message =
      `there is no compiled model in ${folder}; put one there, for example with\n` +
      `  node dist/mdmc.js compile examples/emoji/quick.mdm --target tfjs --weights model.safetensors -o ${folder}`
    this.error({ message, stack: '' })
  },
  resolveId: (id) => (id.startsWith(prefix) ? join(model, id.slice(prefix.length)) : undefined),
}

/** Writes the service worker with the list of all files, so that the page works without its server once it was open. */
const offline: Plugin = {
  name: 'offline',
  apply: 'build',
  enforce: 'post',
  generateBundle: {
    order: 'post',
    handler(_, bundle) {
      const files = Object.keys(bundle).filter((file) => file !== 'index.html')
      const page = bundle['index.html']
      const version = createHash('sha256')
        .update(files.join())
        .update(page?.type === 'asset' ? page.source : '')
      const constants = { version: version.digest('hex').slice(0, 16), files: ['./', ...files] }
      const source = readFileSync(join(here, 'service-worker.js'), 'utf8')
      this.emitFile({
        type: 'asset',
        fileName: 'service-worker.js',
        source: `const { version, files } = ${JSON.stringify(constants)}\n${source}`,
      })
    },
  },
}

export default defineConfig({
  root: here,
  // Files are found beside the page, wherever it is served.
  base: './',
  plugins: [compiledModel, offline],
  worker: { format: 'es', plugins: () => [compiledModel] },
  resolve: { dedupe: ['@tensorflow/tfjs-core'] },
  server: { fs: { allow: [resolve(here, '../..'), model] } },
  build: { target: 'es2023', assetsInlineLimit: 0, chunkSizeWarningLimit: 2000 },
})
