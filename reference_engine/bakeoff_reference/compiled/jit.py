"""Numba, asked for when compiled plans are, and where it keeps what it compiled."""

import os
from collections.abc import Callable, Sequence
from hashlib import sha256
from math import inf
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from bakeoff_reference.arrays import NUMPY
from bakeoff_reference.compiled.depthwise import depthwise
from bakeoff_reference.compiled.expressions import COSTLY
from bakeoff_reference.compiled.fusion import fused
from bakeoff_reference.plan.recorded import Recorded, Scalar, Statement


class Loops:
    """Fused loops for plans: ``compile_program(program, loops=Loops())``.

    Raises
    ------
    ModuleNotFoundError
        If Numba is not installed.
    """

    def __init__(self) -> None:
        try:
            import numba
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "compiled plans need numba, which is not installed; "
                "install it with `pip install 'bakeoff[compiled]'`, or build plans without"
            ) from error
        self._numba: Any = numba
        self.version: str = numba.__version__

    def fused(
        self, statements: Sequence[Statement], outputs: Sequence[Recorded]
    ) -> list[Statement]:
        """Return statements with runs of elementwise ones replaced by calls of loops."""
        return fused(statements, outputs)

    def convolution(
        self, xp: Any, which: Any, a: Recorded, b: Recorded, shape: tuple[int, ...], geo: Any
    ) -> Recorded | None:
        """Record a pass of a convolution as a loop, if there is one for it."""
        return depthwise(xp, which, a, b, shape, geo)

    def names(self) -> dict[str, Any]:
        """Return what the text of loops refers to; ``compiled`` decorates them."""
        numba = self._numba
        # as NumPy: a division by zero is an infinity, no exception
        decorator = numba.njit(error_model="numpy", cache=bool(numba.config.CACHE_DIR))
        return {
            **{"compiled": decorator, "float32": numba.float32, "float64": numba.float64},
            # NumPy's own functions: within a loop Numba takes them for one number at a time
            **{name: getattr(NUMPY, name) for name in (*COSTLY, "sqrt")},
            "inf": inf,
            "__name__": __name__,  # a cached loop is found again in a module that can be imported
        }

    def file_of(self, source: str) -> str:
        """Return a file that holds a plan's text; "" if Numba is given no folder for its cache.

        Numba keeps compiled functions by file, position and date. The file is named by its
        content and never changes: what is found under its name was compiled from this text.
        """
        folder = self._numba.config.CACHE_DIR
        if not folder:
            return ""
        path = Path(folder) / f"plan_{sha256(source.encode()).hexdigest()[:24]}.py"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8") as file:
                file.write(source)
            os.replace(file.name, path)
        return str(path)

    def specialise(
        self, function: Callable[..., Any], arguments: Sequence[Recorded | Scalar]
    ) -> None:
        """Compile a loop now; for inputs in another memory layout it is compiled when they come."""
        types = self._numba.float64, self._numba.typeof
        function.compile(  # type: ignore[attr-defined]  # Numba's dispatcher
            tuple(types[0] if isinstance(a, Scalar) else types[1](a.value) for a in arguments)
        )
