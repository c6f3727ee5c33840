"""Print, per ONNX op: cases passed, failed, not applicable and why. Exits 1 on a failure.

Run as ``python tests/onnx/coverage_table.py``.
"""

import sys
import warnings
from collections import Counter, defaultdict

import onnx_runner


def table(*folders: str) -> tuple[str, int]:
    """Return the table over the folders as text, and the number of failures."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # log(0) in the empty-set cases
        results = [onnx_runner.outcome(case) for case in onnx_runner.selected(*folders)]
    by_op: defaultdict[str, Counter[str]] = defaultdict(Counter)
    reasons: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        by_op[result.case.op][result.outcome] += 1
        if result.outcome != "passed":
            text = f"{result.case.id}: {result.reason}" * (result.outcome == "failed")
            reasons[result.case.op][text or result.reason] += 1
    lines = [f"{'op':28} {'passed':>6} {'n/a':>6} {'failed':>6}  why not"]
    for op, counts in sorted(by_op.items()):
        why = "; ".join(f"{n} x {reason}" for reason, n in sorted(reasons[op].items()))
        lines.append(f"{op:28} {_columns(counts)}  {why}".rstrip())
    total = Counter(result.outcome for result in results)
    lines.append(f"{'all':28} {_columns(total)}")
    lacking = onnx_runner.outside(*folders)
    count = sum(map(len, lacking.values()))
    lines.append(f"\n{count} cases use an op type outside the catalogue:")
    lines.append(", ".join(f"{op} {len(cases)}" for op, cases in sorted(lacking.items())))
    return "\n".join(lines), total["failed"]


def _columns(counts: Counter[str]) -> str:
    return " ".join(f"{counts[name]:6}" for name in ("passed", "not applicable", "failed"))


def main() -> int:
    failures = 0
    for title, folders in (
        ("ONNX node test data", ("node",)),
        ("ONNX small graphs", ("simple", "pytorch-converted", "pytorch-operator")),
    ):
        text, failed = table(*folders)
        print(f"{title}\n\n{text}\n")
        failures += failed
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
