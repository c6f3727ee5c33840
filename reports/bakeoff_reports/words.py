"""Numbers and outcomes as readers see them."""

import math
import re

from bakeoff.record import Outcome
from bakeoff_reports.content import Tone

NARROW = "\u202f"  # narrow no-break space, between a number and its unit
NONE = "–"  # stands where there is no value: never 0, never 1

OUTCOME_WORDS = {
    Outcome.OK: "ok",
    Outcome.MISMATCH: "mismatch",
    Outcome.CONTENDED: "contended",
    Outcome.UNSUPPORTED: "unsupported",
    Outcome.UNAVAILABLE: "unavailable",
    Outcome.ERROR: "error",
    Outcome.OUT_OF_MEMORY: "out of memory",
    Outcome.TIMEOUT: "timeout",
    Outcome.CRASHED: "crashed",
    Outcome.INTERRUPTED: "interrupted",
}
OUTCOME_MEANINGS = {
    Outcome.OK: "ran, and every output is within its error bound",
    Outcome.MISMATCH: "ran, but an output is outside its error bound: timed and shown, not ranked",
    Outcome.CONTENDED: "ran, but something else used the machine too much to trust the time",
    Outcome.UNSUPPORTED: "the toolkit does not offer what the case needs",
    Outcome.UNAVAILABLE: "the toolkit could not be installed or started here",
    Outcome.ERROR: "the toolkit raised an error",
    Outcome.OUT_OF_MEMORY: "the process was ended for want of memory",
    Outcome.TIMEOUT: "no answer within the time allowed",
    Outcome.CRASHED: "the process died by a signal",
    Outcome.INTERRUPTED: "the run ended before this cell did",
}
OUTCOME_TONES: dict[Outcome, Tone] = {
    Outcome.OK: "good",
    Outcome.MISMATCH: "bad",
    Outcome.CONTENDED: "warn",
    Outcome.UNSUPPORTED: "none",
    Outcome.UNAVAILABLE: "none",
    Outcome.ERROR: "bad",
    Outcome.OUT_OF_MEMORY: "bad",
    Outcome.TIMEOUT: "bad",
    Outcome.CRASHED: "bad",
    Outcome.INTERRUPTED: "warn",
}
# Slower is no fault: red is kept for what is wrong.
VERDICT_TONES: dict[str, Tone] = {
    "faster": "good", "slower": "warn", "same": "", "cannot tell": "none"
}  # fmt: skip

_TIME_UNITS = ((1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s"))
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1.0, ""))
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def is_number(value: float | None) -> bool:
    """Whether there is a value at all: not None and not NaN."""
    return value is not None and not math.isnan(value)


def significant(value: float, digits: int = 3) -> str:
    """Return ``value`` to so many significant digits, without an exponent."""
    if value == 0:
        return "0"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, decimals)
    decimals = digits - 1 - math.floor(math.log10(abs(rounded)))
    text = f"{rounded:,.{max(decimals, 0)}f}"
    return text.replace(",", NARROW)


def duration(ns: float | None) -> str:
    """Return nanoseconds in the unit that reads best: ``12.3 µs``."""
    if ns is None or not math.isfinite(ns):
        return NONE
    if ns >= 99.95e9:
        return f"{significant(ns / 60e9)}{NARROW}min"
    fitting = (pair for pair in _TIME_UNITS if ns < 999.5 * pair[0])
    scale, unit = next(fitting, _TIME_UNITS[-1])
    return f"{significant(ns / scale)}{NARROW}{unit}"


def elapsed(seconds: float) -> str:
    """Return how long something took, to the second: ``1 min 58 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    told = [f"{n}{NARROW}{unit}" for n, unit in parts if n]
    return " ".join(told) or f"{seconds:.1f}{NARROW}s"


def size(count: float | None) -> str:
    """Return bytes in binary units: ``71.3 MiB``."""
    if count is None or not math.isfinite(count):
        return NONE
    value, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 999.5 or unit == "TiB":
            break
        value /= 1024
    return f"{significant(value)}{NARROW}{unit}"


def rate(per_second: float | None, unit: str) -> str:
    """Return a rate: ``95.3 GFLOP/s``."""
    if per_second is None or not 0 < per_second < math.inf:
        return NONE
    scale, prefix = next(pair for pair in _PREFIXES if per_second >= pair[0] or not pair[1])
    return f"{significant(per_second / scale)}{NARROW}{prefix}{unit}/s"


def _decimals(value: float, half_width: float) -> int:
    """How many decimals of a ratio are worth printing, given its interval."""
    least = 2 if value < 10 else 1 if value < 100 else 0
    if 0 < value < 0.1:
        least = 1 - math.floor(math.log10(value))  # two digits that are not 0
    if not 0 < half_width < math.inf:
        return least
    return max(least, min(math.ceil(-math.log10(half_width)) + 1, 3))


def ratio(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Return a ratio with as many decimals as its interval deserves."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{value:.{_ratio_decimals(value, low, high)}f}"


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """Return ``0.59–0.63``, with the decimals of the ratio; empty if there is none."""
    if value is None or low is None or high is None:
        return ""
    if not (math.isfinite(value) and math.isfinite(low) and math.isfinite(high)):
        return ""
    decimals = _ratio_decimals(value, low, high)
    return f"{low:.{decimals}f}–{high:.{decimals}f}"


def _ratio_decimals(value: float, low: float | None, high: float | None) -> int:
    half = (high - low) / 2 if is_number(low) and is_number(high) else 0.0  # type: ignore[operator]
    return _decimals(value, half)


def ulps(value: float) -> str:
    """Return an error in units in the last place; nothing where it was not asked.

    >>> ulps(0.4961), ulps(12.34)
    ('0.5', '12')
    """
    return NONE if math.isnan(value) else f"{value:.2g}"


def fraction_of_bound(value: float | None) -> str:
    """Return an error as a fraction of its bound; 1 is the limit."""
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞"
    if value == 0:
        return "0"
    if value < 0.001:
        return "<0.001"
    if value < 1:
        return f"{math.floor(1000 * value) / 1000:.3f}"  # 0.9996 is within the bound: not 1.000
    if value < 1.01:
        return f"{1 + math.ceil(10_000 * (value - 1)) / 10_000:g}"  # 1.0004 is not
    if value < 1000:
        return significant(value)
    return scientific(value)


def scientific(value: float | None) -> str:
    """Return ``1.2×10⁻⁷``."""
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞"
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}×10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def percent(value: float | None) -> str:
    """Return a share as a whole percentage that says 100 % only of all, 0 % only of none."""
    if value is None or math.isnan(value):
        return NONE
    whole = round(100 * value)
    if whole == 100 and value < 1:
        whole = 99
    if whole == 0 and value > 0:
        whole = 1
    return f"{whole}{NARROW}%"


def count(number: int, singular: str, plural: str = "") -> str:
    """Return ``1 cell`` or ``3 cells``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}".replace(
        ",", NARROW
    )


def listed(words: list[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


_PART = r"/[^\s/'\"`:,;()<>]+"
_FOLDERS = re.compile(rf"(?<![\w:/.…])(?:(?:{_PART})*/site-packages/|(?:{_PART})+/(?=\w))")


def without_folders(text: str) -> str:
    """Return text in which absolute paths keep no folders: a page is made to be shared.

    >>> without_folders('File "/home/me/env/lib/site-packages/torch/nn.py", line 3')
    'File "…/torch/nn.py", line 3'
    """
    return _FOLDERS.sub("…/", text)
