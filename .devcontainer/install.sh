#!/usr/bin/env bash
# Some tests start servers of their own, and some use a browser.
set -euo pipefail
sudo apt-get update
sudo apt-get install -y chromium nginx caddy redis-server postgresql mariadb-server
npx -y pnpm@12.21.0 install
