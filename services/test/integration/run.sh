#!/usr/bin/env bash
# The integration tests of the services on a Debian machine, as root: installs missing packages and runs all tests. The
# tests stop everything that they start.
set -euo pipefail
cd "$(dirname "$0")/../.."

packages=(postgresql redis-server docker.io docker-compose docker-registry chromium)
missing=()
for package in "${packages[@]}"; do
  dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update --quiet
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends "${missing[@]}"
fi
[ -d node_modules ] || npm ci
npm run test:integration -- "$@"
