/** What vite.config.ts finds in the folder of the compiled model. */
declare module 'virtual:model/index.js' {
  export const description: import('./model.js').Description
  export function load(weights: string | Uint8Array): Promise<import('./model.js').CompiledModel>
  /** Only of models that read text through the built-in encoder. */
  export const encodeText: ((prompts: readonly string[]) => import('./model.js').Tensors) | undefined
}

declare module 'virtual:model/weights.safetensors?url' {
  const url: string
  export default url
}
