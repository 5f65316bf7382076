#!/usr/bin/env bash
# The tour: installs mdmc in this folder, compiles S64S256 to ONNX with fresh weights and runs it once, then trains a
# small model on food emoji and samples from it.
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

say '5. mdmc train examples/emoji/quick.mdm --only "Food & Drink" (about four minutes)'
rm -rf out/tour
node dist/mdmc.js train examples/emoji/quick.mdm --only 'Food & Drink' --save-every 500 -o out/tour \
  --prompt 'red apple' 'banana' 'pear' 'lemon' 'cookie' 'doughnut' 'hamburger' 'watermelon' 'broccoli'

say '6. mdmc sample examples/emoji/quick.mdm --weights out/tour/model.safetensors'
node dist/mdmc.js sample examples/emoji/quick.mdm --weights out/tour/model.safetensors -o out/tour-samples \
  --prompt 'red apple' 'banana' 'pear' 'lemon' 'cookie' 'doughnut' 'hamburger' 'watermelon' 'broccoli'
say 'Look at out/tour-samples/grid.png and out/tour/report.html'
