"""What toolkits of the museum are known to miss: true of the toolkit, found by these tests.

Strict: another miss fails a test, and so does one that is gone. Each of `MISSES` has a row in
docs/findings.md.
"""

# Beyond the error bound: (backend, op, dtype) to what is seen.
MISSES: dict[tuple[str, str, str], str] = {}

# Samples that an adapter refuses for their attributes, though it offers the op:
# (backend, sample) to words of the reason.
REFUSALS: dict[tuple[str, str], str] = {
    ("chainer", "eye-3x5-k1"): "square, without offset",
}
