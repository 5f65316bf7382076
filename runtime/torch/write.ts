/** A generated package on the disk. */
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { TorchPackage } from '../../backends/torch/package.js'
import { makeFolder } from '../../files/folder.js'
import { writeWhole } from '../../files/whole.js'

/** What all packages train with. When mdmc is built, it is copied beside the program. */
const training = new URL(
  import.meta.url.endsWith('.ts') ? '../../backends/torch/training/' : './torch-training/',
  import.meta.url,
)
const modules = [
  'checkpoint',
  'command',
  'data',
  'order',
  'parallel',
  'report',
  'run',
  'samples',
  'settings',
  'training',
]

/** Writes the files of a package into `folder`. Result: their paths. Throws the system's error where it cannot. */
export async function writePackage({ name, files, trains }: TorchPackage, folder: string): Promise<string[]> {
  const shared = trains ? ['train.slurm', ...modules.map((module) => `${module}.py`)] : []
  const texts = new Map(files)
  for (const file of shared)
    texts.set(file.endsWith('.py') ? `${name}/${file}` : file, await readFile(new URL(file, training), 'utf8'))
  const paths: string[] = []
  for (const [file, text] of texts) {
    const path = join(folder, file)
    await makeFolder(dirname(path))
    await writeWhole(path, text)
    paths.push(path)
  }
  return paths
}
