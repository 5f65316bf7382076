/** The module of the optimiser's kernel, compiled from AssemblyScript. */
import { readFileSync } from 'node:fs'
import { format, resolveConfig } from 'prettier'

const source = 'runtime/optimise/kernel.as'
export const kernelPath = 'runtime/optimise/kernel-wasm.ts'

/** Named in a variable, so that TypeScript does not load its types: they change those of arrays and strings everywhere. */
const compiler = 'assemblyscript/asc'

/** What is used of it. */
interface Compiler {
  main(
    options: readonly string[],
    files: {
      readFile(name: string): string | null
      writeFile(name: string, content: Uint8Array | string): void
      listFiles(): readonly string[]
      readonly stderr: object
    },
  ): Promise<{ readonly error: Error | null }>
  createMemoryStream(): { write(text: string): void; toString(): string }
}

/** The text of `kernelPath`. */
export async function kernelModule(): Promise<string> {
  const files = new Map<string, Uint8Array | string>([['kernel.ts', readFileSync(source, 'utf8')]])
  const options = '--importMemory --noExportMemory --runtime stub --noAssert --enable simd --optimizeLevel 3'
  const { default: asc } = (await import(compiler)) as { readonly default: Compiler }
  const messages = asc.createMemoryStream()
  const { error } = await asc.main(['kernel.ts', '--outFile', 'kernel.wasm', ...options.split(' ')], {
    readFile: (name) => files.get(name)?.toString() ?? null,
    writeFile: (name, content) => void files.set(name, content),
    listFiles: () => [],
    stderr: messages,
  })
  if (error) throw new Error(`${source}: ${error.message}\n${messages.toString()}`)
  const base64 = Buffer.from(files.get('kernel.wasm') ?? '').toString('base64')
  const note = '/** The kernel as WebAssembly. Generated from kernel.as by `npm run kernel`; do not edit. */\n'
  const text = `${note}export const kernelWasm = '${base64}'\n`
  return format(text, { ...(await resolveConfig(kernelPath)), parser: 'typescript' })
}
