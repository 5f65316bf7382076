import { defineConfig } from 'eslint/config'
import { createNodeResolver, importX } from 'eslint-plugin-import-x'
import tseslint from 'typescript-eslint'

/**
 * Data flows one way: a folder imports only from folders above it. The two on one line describe each other: a node of
 * a graph is an op, and an op decomposes into nodes.
 */
const layers = [
  ['grammar/**'],
  ['compiler/diagnostics/**'],
  ['compiler/syntax/**'],
  ['compiler/check/**'],
  ['compiler/ir/**', 'compiler/ops/**'],
  ['compiler/build/**'],
  ['compiler/passes/**'],
  ['compiler/import/**'],
  ['compiler/*.ts'],
  ['files/**'],
  ['backends/**'],
  ['runtime/**'],
  ['cli/**'],
  ['editors/**'],
]

const direction = layers.slice(0, -1).map((layer, i) => ({
  target: layer.map((folder) => `./${folder}`),
  from: layers.slice(i + 1).flatMap((folders) => folders.map((folder) => `./${folder}`)),
  message: 'A folder imports only from folders above it (docs/architecture.md).',
}))

const nodeModules = { group: ['node:*'], message: 'The pure core also runs in a browser.' }
const lazily = {
  allowTypeImports: true,
  message: 'Load it with import() where it is used: checking and formatting start without it.',
}
const engines = { group: ['onnxruntime-*', '@tensorflow/*'], ...lazily }
const backends = { group: ['**/backends/**', '**/runtime/**'], ...lazily }

const restricted = (files, patterns) => ({
  files,
  rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] },
})

export default defineConfig(
  { ignores: ['**/dist/', 'out/', 'coverage/', '.tmp/', 'grammar/cst.ts', 'examples/browser/model/'] },
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true } },
    settings: {
      'import-x/extensions': ['.ts'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
      'import-x/resolver-next': [createNodeResolver({ extensionAlias: { '.js': ['.ts', '.js'] } })],
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'import-x/no-restricted-paths': ['error', { zones: direction }],
      'import-x/no-cycle': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `return refuse('why')` says that refusing is the end.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // An interface may be asynchronous where one of its implementations has nothing to wait for.
      '@typescript-eslint/require-await': 'off',
    },
  },
  restricted(['grammar/**', 'compiler/**', 'index.ts'], [engines, nodeModules]),
  // What compiled modules share is a program of its own, which lies beside tfjs.
  { ...restricted(['backends/**', 'runtime/**'], [engines]), ignores: ['runtime/tfjs/**'] },
  // What cli/environment.ts knows of is needed only once something has failed; it is itself loaded then.
  { ...restricted(['cli/**'], [engines, backends]), ignores: ['cli/environment.ts'] },
  { files: ['**/*.js', '**/*.mjs'], extends: [tseslint.configs.disableTypeChecked] },
)
