#!/bin/sh
# Tries many damaged files: .mdm (scripts/mutate.ts), or with `imports` those of other programs
# (scripts/mutate-imports.ts). Bundled first: the parser is twice as fast so as under tsx.
set -e
cd "$(dirname "$0")/.."
script=mutate
if [ "$1" = imports ]; then
  script=mutate-imports
  shift
fi
mkdir -p .tmp
npx esbuild scripts/$script.ts --bundle --platform=node --format=esm --packages=external --outfile=.tmp/$script.mjs --log-level=warning
exec node .tmp/$script.mjs "$@"
