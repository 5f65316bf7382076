/** Compiles the optimiser's kernel (`npm run kernel`). */
import { writeFileSync } from 'node:fs'
import { kernelModule, kernelPath } from './kernel-module.js'

writeFileSync(kernelPath, await kernelModule())
