/** The package sharp, which decodes and encodes images. */
import { DataFailure } from './failure.js'

/** Throws a DataFailure if it cannot be loaded: it comes with a library for each operating system. */
export async function loadSharp(): Promise<typeof import('sharp').default> {
  try {
    return (await import('sharp')).default
  } catch (error) {
    const [why = ''] = String(error instanceof Error ? error.message : error).split('\n')
    throw new DataFailure(
      `the package sharp, which reads images, cannot be loaded here: ${why}`,
      'reinstall it for this operating system and processor: npm install --include=optional sharp',
    )
  }
}
