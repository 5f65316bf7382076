#!/usr/bin/env bash
# Builds the addon of @tensorflow/tfjs-node where its own installation cannot download it (Linux): from the package of
# npm, and from TensorFlow's C library, which is part of the Python package tensorflow-cpu.
#   scripts/build-tfjs-node.sh FOLDER
# makes FOLDER/node_modules, 1 GB in all. mdmc finds it when it is started in FOLDER, or anywhere with
# NODE_PATH=FOLDER/node_modules.
set -euo pipefail

fail() {
  echo "$1" >&2
  exit 3
}

[ $# -eq 1 ] || { echo 'usage: scripts/build-tfjs-node.sh FOLDER' >&2; exit 2; }
[ "$(uname -s)" = Linux ] || fail "only Linux is provided for; elsewhere: npm install @tensorflow/tfjs-node@4.22.0"
for program in npm g++ python3; do
  command -v "$program" >/dev/null || fail "$program is missing"
done
python3 -m pip --version >/dev/null 2>&1 || fail "Python's pip is missing: on Debian, apt-get install python3-pip"

mkdir -p "$1"
cd "$1"
scratch=$(mktemp -d -p .)
trap 'rm -rf "$scratch"' EXIT

[ -e package.json ] || echo '{ "private": true }' >package.json
npm install --no-save --ignore-scripts --no-audit --no-fund @tensorflow/tfjs-node@4.22.0 node-api-headers@1.9.0
python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$scratch" tensorflow-cpu==2.21.0 ||
  fail 'pip has no tensorflow-cpu 2.21.0 for this Python and processor: it is there for Python 3.10 to 3.13'

package=node_modules/@tensorflow/tfjs-node
library=$package/deps/lib
mkdir -p "$library" "$package/lib/napi-v8"
echo 'unpacking TensorFlow'
python3 - "$scratch" <<'PYTHON'
import pathlib, sys, zipfile

folder = pathlib.Path(sys.argv[1])
wanted = tuple(f"tensorflow/{name}" for name in ("libtensorflow", "include/tensorflow/", "include/tsl/", "include/xla/"))
with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
    wheel.extractall(folder, [name for name in wheel.namelist() if name.startswith(wanted)])
PYTHON
mv "$scratch"/tensorflow/libtensorflow*.so.2 "$library"

echo 'compiling the addon'
g++ -shared -fPIC -O2 -std=c++17 -DNAPI_VERSION=8 \
  -I node_modules/node-api-headers/include -I "$scratch/tensorflow/include" \
  "$package"/binding/tfjs_backend.cc "$package"/binding/tfjs_binding.cc -o "$package/lib/napi-v8/tfjs_binding.node" \
  -L "$library" -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 '-Wl,-rpath,$ORIGIN/../../deps/lib'

TF_CPP_MIN_LOG_LEVEL=2 node -e "
  require('util').isNullOrUndefined ??= (value) => value == null
  const tf = require('@tensorflow/tfjs-node')
  console.log('TensorFlow', tf.backend().binding.TF_Version, 'computes 2 * 3 =', tf.mul(2, 3).dataSync()[0])"
echo "use it with NODE_PATH=$PWD/node_modules"
