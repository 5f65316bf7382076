/** Starts worker.ts where mdmc runs from its sources. */
import { register } from 'tsx/esm/api'

register()
await import('./worker.ts')
