/** A generated package on the disk. */
import { dirname, join } from 'node:path'
import type { TorchPackage } from '../../backends/torch/package.js'
import { makeFolder } from '../../files/folder.js'
import { writeWhole } from '../../files/whole.js'

/** Writes the files of a package into `folder`. Result: their paths. Throws the system's error where it cannot. */
export async function writePackage({ files }: TorchPackage, folder: string): Promise<string[]> {
  const paths: string[] = []
  for (const [name, text] of files) {
    const path = join(folder, name)
    await makeFolder(dirname(path))
    await writeWhole(path, text)
    paths.push(path)
  }
  return paths
}
