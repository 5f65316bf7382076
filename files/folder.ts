/** Making folders. Node's own way to make several at once never ends where the system allows none, as in /proc. */
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes the folder, and those above it that are missing. Throws the system's error where it cannot. */
export async function makeFolder(path: string): Promise<void> {
  if (await isFolder(path)) return
  const above = dirname(path)
  if (above !== path) await makeFolder(above)
  try {
    await mkdir(path)
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (!(await isFolder(path))) throw error
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
