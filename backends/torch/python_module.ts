/** Modules of Python: their imports, and what they export. */
import { docstring, importLine, inImportOrder, lineLength } from './python.js'

/** Names that may be imported from a module of the package. */
export interface Source {
  readonly module: string
  readonly names: readonly string[]
}

/** A module: what it is, the imports that its text needs, its definitions. */
export function pythonModule(
  about: string,
  definitions: readonly (readonly string[])[],
  sources: readonly Source[],
): string {
  const text = definitions.map((lines) => lines.join('\n')).join('\n\n\n')
  const has = (name: string) => new RegExp(`(?<![\\w."])${name}\\b`).test(text)
  const from = (module: string, names: readonly string[]) => {
    const needed = names.filter(has)
    return needed.length === 0 ? [] : importLine(module, needed)
  }
  const standard = [
    ...(has('math') ? ['import math'] : []),
    ...from('collections.abc', ['Callable', 'Mapping', 'Sequence']),
    ...(has('Path') ? ['from pathlib import Path'] : []),
    ...from('typing', ['Any', 'ClassVar', 'NamedTuple', 'TypeVar']),
  ]
  const torch = [
    ...(has('torch') ? ['import torch'] : []),
    ...(has('F') ? ['import torch.nn.functional as F'] : []),
    ...from('safetensors.torch', ['load_file', 'save_file']),
    ...from('torch', ['Tensor', 'nn']),
    ...from('torch.utils.checkpoint', ['checkpoint']),
  ]
  const own = sources.flatMap(({ module, names }) => from(module, names))
  const groups = [standard, torch, own].filter((group) => group.length > 0)
  return `${[...docstring(about, 0), '', ...groups.flatMap((group, i) => (i === 0 ? group : ['', ...group]))].join('\n')}\n\n${/^(def|class|@)/.test(text) ? '\n' : ''}${text}\n`
}

/** `__all__`. */
export function exportList(names: readonly string[]): string[] {
  const sorted = inImportOrder(names)
  const one = `__all__ = [${sorted.map((name) => `"${name}"`).join(', ')}]`
  return one.length <= lineLength ? [one] : ['__all__ = [', ...sorted.map((name) => `    "${name}",`), ']']
}
