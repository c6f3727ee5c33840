#!/bin/sh
# Make sure that there is a Chromium for the tests that open the report.
# Installs Debian's package where we may; elsewhere those tests are skipped and say why.
set -eu
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing Chromium for the browser tests"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        chromium fonts-dejavu-core >/dev/null
else
    echo "no Chromium found: the browser tests will be skipped" \
         "(Debian, Ubuntu: sudo apt-get install chromium)" >&2
fi
