import { defineConfig } from 'vitest/config'

/** Models of full size, and WebGPU in software: minutes and gigabytes, so apart from the rest and one after the other. */
export default defineConfig({
  test: {
    include: ['test/**/*.slow.ts'],
    fileParallelism: false,
    testTimeout: 600_000,
    env: { ORT_DISABLE_TELEMETRY: '1' },
  },
})
