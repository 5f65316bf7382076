#!/usr/bin/env bash
# Installs what the tests need, runs every check and all tests but those with gigabytes of weights (npm run
# test:full-size), and ends with the line `N passed, N failed`.
# What a test needs beyond npm (a Vulkan driver, python3 with onnx) is used where it is there or can be installed.
set -uo pipefail
cd "$(dirname "$0")/.."

passed=0 failed=0 status=0

# One check: its name, then its command.
check() {
  printf '\n== %s\n' "$1"
  if "${@:2}" </dev/null; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1)) status=1
    echo "FAILED: $1"
  fi
}

# Chromium brings SwiftShader, a Vulkan driver without a graphics card, for the tests of WebGPU.
find_driver() {
  local icd=/usr/lib/chromium/vk_swiftshader_icd.json
  [ -n "${VK_ICD_FILENAMES:-}" ] && return
  if [ ! -e "$icd" ] && command -v apt-get >/dev/null; then
    local root=()
    if [ "$(id -u)" -ne 0 ]; then root=(sudo -n); fi
    if [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; then
      echo 'installing chromium and libvulkan1 for the tests of WebGPU'
      export DEBIAN_FRONTEND=noninteractive
      timeout 60 "${root[@]}" apt-get update -qq </dev/null >/dev/null 2>&1
      timeout 180 "${root[@]}" apt-get install -qq -y --no-install-recommends chromium libvulkan1 </dev/null >/dev/null 2>&1
    fi
  fi
  if [ -e "$icd" ]; then export VK_ICD_FILENAMES=$icd; else echo 'no Vulkan driver: tests of WebGPU will be skipped'; fi
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
report=$work/report.json

npm ci --no-audit --no-fund </dev/null || exit 3
find_driver
# They take one core each.
checks=(lint format:check types unused)
for name in "${checks[@]}"; do
  npm run --silent "$name" </dev/null >"$work/$name" 2>&1 &
  pids+=($!)
done
for i in "${!checks[@]}"; do
  wait "${pids[i]}" && result=true || result=false
  check "${checks[i]}" sh -c "cat '$work/${checks[i]}' && $result"
done

printf '\n== tests\n'
npx vitest run --reporter=default --reporter=json --outputFile.json="$report" "$@" </dev/null || status=1
# A file that could not be loaded has no tests and counts as one that failed.
if counts=$(node -e '
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"))
  const broken = testResults.filter((file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"))
  console.log(numPassedTests, numFailedTests + broken.length)' "$report" 2>/dev/null); then
  read -r tests_passed tests_failed <<<"$counts"
  passed=$((passed + tests_passed)) failed=$((failed + tests_failed))
else
  failed=$((failed + 1)) status=1
fi

printf '\n%d passed, %d failed\n' "$passed" "$failed"
exit "$status"
