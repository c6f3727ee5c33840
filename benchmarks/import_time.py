"""What `import bakeoff` costs over bare Python, in fresh processes, interleaved.

Run: ``python benchmarks/import_time.py [--repeats 30]``. Exits with 1 above 150 ms.
"""

import argparse
import statistics
import subprocess
import sys
import time

LIMIT_MS = 150.0
CANDIDATES = {
    "bare python": "pass",
    "import bakeoff": "import bakeoff",
    "bakeoff --version": "import sys; sys.argv = ['bakeoff', '--version']\n"
    "from bakeoff.cli import main\nmain()",
    "load all plugins": "from bakeoff import plugins; plugins.load()",
}


def elapsed_ms(code: str) -> float:
    """Return the wall time of a fresh interpreter that runs ``code``."""
    start = time.perf_counter_ns()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter_ns() - start) / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=30)
    repeats = parser.parse_args().repeats
    samples: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    for _ in range(repeats + 1):  # the first round warms the file cache and is dropped
        for name, code in CANDIDATES.items():
            samples[name].append(elapsed_ms(code))
    medians = {name: statistics.median(values[1:]) for name, values in samples.items()}
    bare = medians["bare python"]
    print(f"medians of {repeats} fresh processes each, interleaved")
    for name, value in medians.items():
        print(f"  {name:18} {value:7.1f} ms   {value - bare:+7.1f} ms over bare Python")
    return medians["import bakeoff"] - bare >= LIMIT_MS


if __name__ == "__main__":
    sys.exit(main())
