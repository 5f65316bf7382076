#!/usr/bin/env bash
# The tour: installs mdmc in this folder, compiles S64S256 to ONNX with fresh weights and runs it once.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say '1. Install and build'
npm ci --no-audit --no-fund </dev/null
npm run --silent build -- --log-level warn

say '2. mdmc compile models/S64S256.mdm --output out/S64S256'
node dist/mdmc.js compile models/S64S256.mdm --output out/S64S256

say '3. node scripts/run-once.mjs out/S64S256 (untrained output layers are zeros, and so is what they predict)'
node scripts/run-once.mjs out/S64S256

say '4. mdmc inspect models/S64S256.mdm'
node dist/mdmc.js inspect models/S64S256.mdm
