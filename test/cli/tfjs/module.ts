/** Compiled modules in folders where tfjs, and nothing else, is installed. */
import { mkdirSync, symlinkSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Folder } from '../run.js'

const packages = ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-wasm']

/** Installs tfjs for what lies in the folder. */
export function installTfjs(folder: Folder): void {
  mkdirSync(folder.at('node_modules', '@tensorflow'), { recursive: true })
  for (const name of packages) symlinkSync(resolve('node_modules', name), folder.at('node_modules', name), 'junction')
}
