/** The names that a PyTorch checkpoint may ask for. Whatever is not here is refused. */

/** PyTorch's storage classes and element types, by the Dtype they mean. */
const storages: Readonly<Record<string, string>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
  ComplexFloatStorage: 'complex64',
  ComplexDoubleStorage: 'complex128',
  QInt8Storage: 'qint8',
  QInt32Storage: 'qint32',
  QUInt8Storage: 'quint8',
}

const elementTypes: Readonly<Record<string, string>> = {
  float64: 'F64',
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint64: 'U64',
  uint32: 'U32',
  uint16: 'U16',
  uint8: 'U8',
  bool: 'BOOL',
}

/** Classes that stand beside weights as settings. They become inert records. */
const recordNames = new Set([
  'argparse.Namespace',
  'types.SimpleNamespace',
  'collections.defaultdict',
  'collections.Counter',
  'builtins.object',
  'builtins.list',
  'builtins.dict',
  'builtins.tuple',
  'builtins.int',
  'builtins.float',
  'builtins.str',
  'builtins.bool',
  'builtins.complex',
  'builtins.slice',
  'builtins.range',
  'builtins.bytearray',
  'datetime.datetime',
  'datetime.date',
  'datetime.timedelta',
  'pathlib.Path',
  'pathlib.PosixPath',
  'pathlib.WindowsPath',
  'pathlib.PurePosixPath',
  'pathlib.PureWindowsPath',
  'numpy.dtype',
  'numpy.ndarray',
  'numpy.core.multiarray._reconstruct',
  'numpy._core.multiarray._reconstruct',
  'torch.device',
  'torch.serialization._get_layout',
])

/**
 * Packages whose classes hold a reference implementation's settings. Classes, never functions: modules begin in
 * lower case, classes (and classes inside them) with a capital.
 */
const settingsClass = /^(ml_mdm|configs?|models)(\.[a-z]\w*)*(\._?[A-Z]\w*)+$/

/** No name of a class is longer. */
export const longestName = 256

/** Python 2's names of modules, as protocols 0 to 2 write them. */
const currentModules: Readonly<Record<string, string>> = { __builtin__: 'builtins', copy_reg: 'copyreg' }

/** The full name, with Python 3's name of the module. */
export function fullName(module: string, name: string): string {
  return `${Object.hasOwn(currentModules, module) ? currentModules[module] : module}.${name}`
}

/** The element type of a storage class, null for the untyped one, undefined for any other name. */
export function storageType(name: string): string | null | undefined {
  if (name === 'torch.storage.UntypedStorage' || name === 'torch.UntypedStorage') return null
  return inTorch(storages, name)
}

/** The storage class and, for types without one, the element type under which PyTorch writes a Dtype. */
export function torchNames(dtype: string): { readonly storage: string; readonly elements: string | undefined } {
  const storage = Object.entries(storages).find(([, type]) => type === dtype)?.[0]
  if (storage !== undefined) return { storage, elements: undefined }
  return { storage: 'UntypedStorage', elements: Object.entries(elementTypes).find(([, type]) => type === dtype)?.[0] }
}

/** The element type that a name such as `torch.float32` means, by its Dtype. */
export function elementType(name: string): string | undefined {
  const known = inTorch(elementTypes, name)
  // Newer types are named so that a diagnostic can say which one is not supported.
  return known ?? (/^torch\.(complex|float8_|float4_|q|u?int)\w*$/.test(name) ? name.slice(6) : undefined)
}

function inTorch(names: Readonly<Record<string, string>>, name: string): string | undefined {
  const short = name.startsWith('torch.') ? name.slice(6) : ''
  return Object.hasOwn(names, short) ? names[short] : undefined
}

/** Whether a class of a reference's settings is meant, such as `ml_mdm.samplers.SamplerConfig`. */
export function isSettingsClass(name: string): boolean {
  return settingsClass.test(name)
}

/** Whether a name is that of a class which becomes an inert record. */
export function isRecordClass(name: string): boolean {
  return recordNames.has(name) || isSettingsClass(name)
}
