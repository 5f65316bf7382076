/** Diagnostics about weights: files that cannot be read, and weights that are not the model's. */
import { diagnostic } from './diagnostic.js'

/** Names and texts of a foreign file as shown to a user: quoted, without control characters, of bounded length. */
export function quoted(text: string, limit = 120): string {
  const printable = text.slice(0, limit).replace(/[\p{C}\u2028\u2029`]/gu, '?')
  return `\`${printable}${text.length > limit ? '...' : ''}\``
}

/** The first few of a list, and how many more there are. */
function some(items: readonly string[], limit = 8): string {
  const shown = items.slice(0, limit).join(', ')
  return items.length > limit ? `${shown} and ${items.length - limit} more` : shown
}

const brackets = (shape: readonly number[]) => `[${shape.slice(0, 8).join(', ')}${shape.length > 8 ? ', ...' : ''}]`
const counted = (count: number, of: string) => (count === 1 ? `1 parameter ${of} is` : `${count} parameters ${of} are`)

/** The file system refused: no such file, a directory, no permission. */
export const weightsNotReadable = diagnostic({
  code: 'MDM0501',
  message: (p: { problem: string }) => `the weights cannot be read: ${p.problem}`,
  help: 'give the path of a .safetensors or .pth file',
})

/** The content is none of the known formats. */
export const weightsFormatUnknown = diagnostic({
  code: 'MDM0502',
  message: () => 'this is neither a safetensors file nor a PyTorch checkpoint',
  reason: 'the format is told from the content, not from the name',
  help: 'give a .safetensors file, or a .pth file written by torch.save',
})

/** A safetensors file that breaks its format. */
export const safetensorsDamaged = diagnostic({
  code: 'MDM0503',
  message: (p: { problem: string }) => `the safetensors file is damaged: ${p.problem}`,
  reason: 'a header that does not describe the data exactly may describe another file',
  help: 'fetch or write the file again; it may have been cut short',
})

/** An element type that mdmc does not read. */
export const dtypeUnknown = diagnostic({
  code: 'MDM0504',
  message: (p: { tensor: string; dtype: string }) =>
    `tensor ${quoted(p.tensor)} has the element type ${quoted(p.dtype, 40)}, which is not supported`,
  reason: 'supported are floats of 16 to 64 bits (also bfloat16), integers of 8 to 64 bits, and booleans',
  help: 'convert the tensor, for example with tensor.float(), and save the file again',
})

/** torch.save of PyTorch before 1.6, or with the old format asked for. */
export const pthLegacy = diagnostic({
  code: 'MDM0505',
  message: () => 'this is a PyTorch checkpoint in the old format (before PyTorch 1.6)',
  reason: 'the old format can be read only by running the pickle program inside it',
  help: 'resave it in Python: torch.save(torch.load("old.pth", map_location="cpu", weights_only=True), "new.pth")',
})

/** The zip archive around a PyTorch checkpoint is broken, or not what torch.save writes. */
export const pthDamaged = diagnostic({
  code: 'MDM0506',
  message: (p: { problem: string }) => `the PyTorch checkpoint is damaged: ${p.problem}`,
  help: 'fetch or write the file again; it may have been cut short',
})

/** The pickle inside a PyTorch checkpoint is broken. */
export const pickleDamaged = diagnostic({
  code: 'MDM0507',
  message: (p: { problem: string; at: number }) =>
    `the pickle inside the PyTorch checkpoint is damaged: ${p.problem} (at byte ${p.at})`,
  help: 'fetch the file again, or resave it in Python with torch.save',
})

/** The pickle asks for something that weights do not need. */
export const pickleForbidden = diagnostic({
  code: 'MDM0508',
  message: (p: { name: string }) => `the PyTorch checkpoint asks for ${quoted(p.name)}, which is refused`,
  reason:
    'a pickle can name any function for Python to call; mdmc runs none, and accepts only names that tensors and settings need',
  help: 'if you trust the file, save its tensors alone in Python: torch.save(model.state_dict(), "weights.pth")',
})

/** A checkpoint in which no tensors are found where they may stand. */
export const pthWithoutTensors = diagnostic({
  code: 'MDM0509',
  message: () => 'the PyTorch checkpoint holds no named tensors',
  reason: 'they are looked for at the top, under `state_dict` or `model_state_dict`, and in the only part that has any',
  help: 'save the state dict in Python: torch.save(model.state_dict(), "weights.pth")',
})

/** A checkpoint with several groups of tensors, none of which is plainly the model's. */
export const pthSeveralStateDicts = diagnostic({
  code: 'MDM0510',
  message: (p: { keys: readonly string[] }) =>
    `the PyTorch checkpoint holds several groups of tensors: ${some(p.keys.map((key) => quoted(key)))}`,
  reason: 'which of them are the weights is not certain',
  help: (p) =>
    `save one alone in Python: torch.save(checkpoint[${JSON.stringify(p.keys[0]?.slice(0, 40))}], "weights.pth")`,
})

/** A tensor of a PyTorch checkpoint whose description contradicts its storage. */
export const pthTensorInvalid = diagnostic({
  code: 'MDM0511',
  message: (p: { tensor: string; problem: string }) => `tensor ${quoted(p.tensor)} is damaged: ${p.problem}`,
  help: 'fetch the file again, or resave it in Python with torch.save',
})

/** A bound that keeps memory and time in check. */
export const weightsTooLarge = diagnostic({
  code: 'MDM0512',
  message: (p: { what: string; limit: string }) => `${p.what} is over the limit of ${p.limit}`,
  reason: 'no known checkpoint comes near it; a damaged or hostile file would',
})

/** Parameters of the model that the weights do not have. */
export const parametersMissing = diagnostic({
  code: 'MDM0513',
  message: (p: { names: readonly string[]; near: readonly (readonly [string, string])[] }) =>
    `${counted(p.names.length, 'of the model')} missing from the weights: ${some(p.names.map((name) => quoted(name)))}`,
  reason: 'every parameter of the model needs a value',
  help: (p) =>
    p.near.length > 0
      ? some(
          p.near.map(([name, candidate]) => `for ${quoted(name)}, did you mean ${quoted(candidate)}?`),
          3,
        )
      : 'the weights may belong to another model: compare its parameters with `mdmc inspect`',
})

/** Tensors of the weights that the model does not have. They are left out. */
export const parametersSurplus = diagnostic({
  code: 'MDM0514',
  severity: 'warning',
  message: (p: { names: readonly string[] }) =>
    `${counted(p.names.length, 'of the weights')} not in the model: ${some(p.names.map((name) => quoted(name)))}`,
  reason: 'they have no effect on the model',
  help: 'the weights may belong to a larger model: compare its parameters with `mdmc inspect`',
})

/** Parameters whose shape in the weights is not the model's. */
export const parametersOfOtherShape = diagnostic({
  code: 'MDM0515',
  message: (p: {
    mismatches: readonly {
      readonly name: string
      readonly model: readonly number[]
      readonly weights: readonly number[]
    }[]
  }) =>
    `${counted(p.mismatches.length, 'of the weights')} of another shape than the model's: ${some(
      p.mismatches.map((it) => `${quoted(it.name)} ${brackets(it.weights)} instead of ${brackets(it.model)}`),
    )}`,
  reason: 'the weights were made for a model with other widths, or with other kinds of layers',
})

/** Several groups of tensors fit the model, told apart only by a prefix. */
export const weightsSeveralFit = diagnostic({
  code: 'MDM0516',
  message: (p: { prefixes: readonly string[] }) =>
    `several groups of tensors fit the model: those under ${some(p.prefixes.map((prefix) => quoted(prefix)))}`,
  reason: 'which of them are meant is not certain',
  help: 'save the wanted group alone',
})

/** The file system refused to write. */
export const weightsNotWritable = diagnostic({
  code: 'MDM0517',
  message: (p: { problem: string }) => `the weights cannot be written: ${p.problem}`,
})

/** A target whose format cannot be told from its name. */
export const weightsTargetUnknown = diagnostic({
  code: 'MDM0518',
  message: (p: { path: string }) => `${quoted(p.path)} does not say which format to write`,
  help: 'end the name in .safetensors or .pth',
})

/** The file was cut or became unreadable after it had been opened. */
export const weightsChanged = diagnostic({
  code: 'MDM0519',
  message: (p: { problem: string }) => `the weights became unreadable while they were in use: ${p.problem}`,
  help: 'leave the file alone while a command reads it, and run the command again',
})
