/** What vite.config.ts finds in the folder of the compiled model. */
declare module 'virtual:model/index.js' {
  const compiled: import('./model.js').Module
  export = compiled
}

declare module 'virtual:model/weights.safetensors?url' {
  const url: string
  export default url
}
