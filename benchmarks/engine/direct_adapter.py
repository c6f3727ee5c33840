"""Plans whose convolutions are exact: sums of products, no transform whose error is larger."""

from typing import Any

from bakeoff_worker.program import Program

from .resident import ResidentAdapter

STRATEGY = "blocked"  # columns, block by block; the gradient of the input by convolutions of it


class DirectAdapter(ResidentAdapter):
    """Runs forward and gradient plans."""

    name = "numpy-plan-direct"
    asks = ("forward", "gradient")

    def __init__(self, threads: int = 1) -> None:
        super().__init__(threads)
        from bakeoff_reference.engine import DEFAULT
        from bakeoff_reference.plan import compile_program

        self.ops, self._compiled = DEFAULT.ops, compile_program

    def compile(self, program: Program) -> Any:
        from bakeoff_reference.conv.settings import ConvSettings

        return self._compiled(program, ConvSettings(strategy=STRATEGY))
