import { defineConfig } from 'vitest/config'

/** Nothing is reported to anybody; what a test starts inherits this. */
const env = { ORT_DISABLE_TELEMETRY: '1' }
/** Tests of the program as it is shipped. */
const program = ['test/cli/**/*.test.ts', 'test/conformance/program/**/*.test.ts', 'test/browser/**/*.test.ts']

export default defineConfig({
  test: {
    maxWorkers: '100%',
    projects: [
      // Files share what they import, in a process for each core.
      {
        test: {
          name: 'unit',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: program,
          testTimeout: 60_000,
          env,
        },
      },
      { test: { name: 'program', include: program, globalSetup: 'test/cli/build.ts', testTimeout: 60_000, env } },
    ],
  },
})
