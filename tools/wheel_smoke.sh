#!/bin/sh
# Build the wheel, install it into a bare environment outside the repository, and use it.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
$BUILD --outdir "$work/dist" . >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet "$work"/dist/bakeoff-*.whl
cd "$work"
bin="$work/venv/bin"
"$bin/bakeoff" --version
"$bin/python" -c "
import importlib.util, sysconfig
from bakeoff import plugins
loaded = plugins.load()
assert not loaded.problems, loaded.problems
assert importlib.util.find_spec('bakeoff').origin.startswith(sysconfig.get_path('purelib'))
for generic in ('harness', 'backends', 'suites', 'reports', 'reference_engine', 'tests'):
    assert importlib.util.find_spec(generic) is None, generic
"
"$bin/bakeoff" list backends
"$bin/python" -m pip install --quiet "$(ls "$work"/dist/bakeoff-*.whl)[compiled]"
"$bin/bakeoff" run --preset smoke --backends numpy,numpy-plan,numpy-compiled --in-place --out results
test -s results/report.html
"$bin/bakeoff" export results --format csv >/dev/null
echo "wheel: built, installed and used in a bare environment"
