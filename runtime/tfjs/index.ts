/** The runtime of compiled modules: bundled into one file, which `mdmc compile --target tfjs` copies to each of them. */
export { CompiledModel, TrainableModel } from './model.js'
export { hashTextEncoder } from './text.js'
export { readWeights } from './weights.js'
