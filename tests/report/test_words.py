"""Numbers in words: as many digits as they deserve, never a false 0, 1 or 100 %."""

import math

import pytest

from bakeoff_reports import words

THIN = words.NARROW


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0.5, "0.500 ns"), (999.4, "999 ns"), (999.6, "1.00 µs"), (12_345, "12.3 µs"),
        (1e9, "1.00 s"), (9.99e10, "99.9 s"), (6e11, "10.0 min"), (None, "–"), (math.nan, "–"),
    ],
)  # fmt: skip
def test_duration(ns, text):
    assert words.duration(ns) == text.replace(" ", THIN)


@pytest.mark.parametrize(
    ("per_second", "text"),
    [(95.34e9, "95.3 GFLOP/s"), (6.7e13, "67.0 TFLOP/s"), (12.0, "12.0 FLOP/s"), (None, "–")],
)
def test_rate(per_second, text):
    assert words.rate(per_second, "FLOP") == text.replace(" ", THIN)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "0.999 KiB"), (71.3 * 2**20, "71.3 MiB"), (None, "–")]
)
def test_size(count, text):
    assert words.size(count) == text.replace(" ", THIN)


@pytest.mark.parametrize(
    ("value", "low", "high", "text", "spread"),
    [
        (0.612, 0.609, 0.615, "0.612", "0.609–0.615"),
        (1.5, 0.9, 2.4, "1.50", "0.90–2.40"),
        (239.2, 230.0, 250.0, "239", "230–250"),
        (0.5, 0.0, math.inf, "0.50", ""),
        (0.00312, 0.0, math.inf, "0.0031", ""),
        (math.nan, math.nan, math.nan, "–", ""),
    ],
)
def test_ratio_has_the_decimals_of_its_interval(value, low, high, text, spread):
    assert words.ratio(value, low, high) == text
    assert words.interval(value, low, high) == spread


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1e-9, "<0.001"), (0.0213, "0.021"), (50, "50.0"), (1.24e6, "1.2×10⁶"),
     (math.inf, "∞"), (math.nan, "–")],
)  # fmt: skip
def test_fraction_of_bound(value, text):
    assert words.fraction_of_bound(value) == text


def test_a_fraction_just_beyond_the_bound_does_not_read_as_1():
    assert words.fraction_of_bound(1.0004) != words.fraction_of_bound(1)
    assert words.fraction_of_bound(0.9996) == "0.999"


@pytest.mark.parametrize(
    ("share", "text"), [(1, "100 %"), (0.9999, "99 %"), (0.0001, "1 %"), (0, "0 %"), (None, "–")]
)
def test_percent_says_all_only_of_all(share, text):
    assert words.percent(share) == text.replace(" ", THIN)


def test_elapsed():
    assert words.elapsed(118.4) == "1 min 58 s".replace(" ", THIN).replace(f"min{THIN}", "min ")
    assert words.elapsed(0.3) == f"0.3{THIN}s"


def test_listed():
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.listed(["a"]) == "a"
    assert words.listed([]) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no adapter file /home/me/my/adapter.py", "no adapter file …/adapter.py"),
        ("`uv -p /home/me/.cache/x/bin/python jax==0.*`", "`uv -p …/python jax==0.*`"),
        ('File "/a/lib/python3.11/site-packages/jax/x.py", line 3', 'File "…/jax/x.py", line 3'),
        ("matmul/square-64 at 3/4 of https://host/simple/jax/", None),
        ("http://…/jax/ or a / b", None),
    ],
)  # fmt: skip
def test_paths_lose_their_folders_and_nothing_else_changes(text, shown):
    assert words.without_folders(text) == (shown or text)
