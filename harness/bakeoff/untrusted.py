"""Values of a JSON file that anyone may have written: asked for by key, and checked."""

import json
import sys
from collections.abc import Iterator
from math import inf, isfinite
from pathlib import Path
from typing import Any, NoReturn

from bakeoff.errors import BakeoffError

MANY = 10**12


def is_number(value: Any) -> bool:
    """Return whether a value of JSON is a number, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


class Untrusted:
    """A value and where it stands: ``FILE: benchmarks[3].stats.median``.

    Every method that returns a plain value raises `BakeoffError` if it is none of the kind,
    naming the place, what is there and what was expected.
    """

    def __init__(self, value: Any, where: str) -> None:
        self.value = value
        self._where = where

    @classmethod
    def of_file(cls, path: Path) -> "Untrusted":
        """Return what a JSON file holds."""
        try:
            return cls(json.loads(path.read_text(encoding="utf-8")), f"{path}: ")
        except OSError as error:
            raise BakeoffError(f"{path} cannot be read ({error.strerror})") from error
        except (ValueError, RecursionError) as error:
            raise BakeoffError(f"{path} is no JSON file ({error})") from error

    def __getitem__(self, key: str) -> "Untrusted":
        """Return what an object holds; a value None if it does not."""
        if not isinstance(self.value, dict):
            self.wrong("an object")
        dot = "" if self._where.endswith(" ") else "."
        return Untrusted(self.value.get(key), f"{self._where}{dot}{key}")

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return self.value is not None

    def object(self) -> dict[str, Any]:
        """Return an object; an empty one for none."""
        if self.value is None:
            return {}
        return self.value if isinstance(self.value, dict) else self.wrong("an object")

    def items(self) -> Iterator["Untrusted"]:
        """Yield what a list holds."""
        if not isinstance(self.value, list):
            self.wrong("a list")
        yield from (Untrusted(v, f"{self._where}[{n}]") for n, v in enumerate(self.value))

    def text(self) -> str:
        """Return a text that is not empty."""
        if not isinstance(self.value, str) or not self.value.strip():
            self.wrong("a text")
        return self.value

    def number(self, at_most: float = inf) -> float:
        """Return a number from 0 to ``at_most``; true and false are none."""
        if not is_number(self.value) or not 0 <= self.value <= at_most:
            self.wrong("a number of at least 0" + (f", at most {at_most:g}" * isfinite(at_most)))
        return inf if self.value > sys.float_info.max else float(self.value)

    def count(self, at_least: int = 1) -> int:
        """Return a whole number from ``at_least`` to `MANY`."""
        value = self.value
        if not is_number(value) or not isinstance(value, int) or not at_least <= value <= MANY:
            self.wrong(f"a whole number from {at_least} to {MANY:g}")
        return int(value)

    def wrong(self, expected: str) -> NoReturn:
        """Refuse the value."""
        got = "missing" if self.value is None else repr(self.value)[:60]
        raise BakeoffError(f"{self._where.rstrip()} is {got}, expected {expected}")
