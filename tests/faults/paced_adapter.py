"""The reference engine at another pace: ``pace`` names how its calls take their time.

Every pace, the steady one too, passes through the same wrapper, so that they differ in
nothing else. A pace is a method of its name, called after each call of a program with what
that took and what it was given.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from engine_adapter import NumpyAdapter  # found by location: see the line above


class PacedAdapter(NumpyAdapter):  # type: ignore[misc,valid-type]  # loaded by location
    """Right in all it computes."""

    def __init__(self, threads: int = 1, pace: str = "steady") -> None:
        super().__init__(threads)
        self.calls = 0
        self.kept: list[Any] = []
        self.pace = getattr(self, pace)

    def compile(self, program: Any) -> Any:
        run = super().compile(program)

        def executable(*tensors: Any) -> Any:
            began = time.process_time_ns()
            results = run(*tensors)
            self.calls += 1
            self.pace(began, time.process_time_ns() - began, tensors)
            return results

        return executable

    def until(self, began: int, factor: float, took: int) -> None:
        """Compute in vain until the call has taken ``factor`` times what it took."""
        end = began + int(factor * took)
        while time.process_time_ns() < end:
            pass

    def steady(self, began: int, took: int, tensors: Any) -> None:
        self.until(began, 1.0, took)

    def five_percent_slower(self, began: int, took: int, tensors: Any) -> None:
        self.until(began, 1.05, took)

    def two_percent_slower(self, began: int, took: int, tensors: Any) -> None:
        self.until(began, 1.02, took)

    def slow_first_100_calls(self, began: int, took: int, tensors: Any) -> None:
        self.until(began, 5.0 if self.calls <= 100 else 1.0, took)

    def fast_only_on_zeros(self, began: int, took: int, tensors: Any) -> None:
        zeros = not any(np.any(t.value) for t in tensors)
        self.until(began, 1.0 if zeros else 1.5, took)

    def slower_with_every_call(self, began: int, took: int, tensors: Any) -> None:
        self.until(began, 1.0 + self.calls / 1000, took)

    def keeps_memory(self, began: int, took: int, tensors: Any) -> None:
        self.kept.append(np.ones(4096))
        self.until(began, 1.0, took)

    def slower_in_every_other_process(self, began: int, took: int, tensors: Any) -> None:
        self.until(began, 1.3 if os.getpid() % 2 else 1.0, took)

    def sleeps(self, began: int, took: int, tensors: Any) -> None:
        time.sleep(4e-9 * took)
