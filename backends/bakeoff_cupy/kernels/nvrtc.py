"""Compile kernels for an architecture that need not be there, and see what they take.

``python -m kernels.nvrtc``, with this package's parent on the path, compiles every kernel for every
architecture of `ARCHITECTURES` and prints registers, spills and shared memory. It needs CuPy and
NVRTC (`REQUIREMENTS`), but neither a device nor a driver, nor the rest of bakeoff.
Source: https://docs.nvidia.com/cuda/nvrtc/
"""

import re
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from . import KERNELS, names, source

REQUIREMENTS = ("cupy-cuda13x==14.*", "cuda-toolkit[nvrtc,cudart]==13.0.*")
ARCHITECTURES = ("sm_80", "sm_90", "sm_120")

# of ptxas: "Compiling entry function 'NAME' for 'sm_90'", then spills, then what is used
_ENTRY = re.compile(
    r"Compiling entry function '(?P<symbol>\w+)'.*?"
    r"(?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill loads.*?"
    r"Used (?P<registers>\d+) registers(?P<rest>[^\n]*)",
    re.DOTALL,
)
_SHARED = re.compile(r"(\d+) bytes smem")


class Use(NamedTuple):
    """What one instantiation takes on one architecture."""

    kernel: str
    architecture: str
    registers: int
    spill_bytes: int
    shared_bytes: int


class CompileError(Exception):
    """A kernel does not compile; the message holds the compiler's log."""


def compile_kernels(name: str, text: str, wanted: Sequence[str], architecture: str) -> list[Use]:
    """Compile a text with the wanted instantiations; return what each takes.

    Raises
    ------
    CompileError
        With the compiler's log.
    """
    from cupy.cuda import nvrtc

    program = nvrtc.createProgram(text, f"{name}.cu", (), ())
    try:
        for kernel in wanted:
            nvrtc.addNameExpression(program, kernel)
        try:
            nvrtc.compileProgram(program, _options(architecture))
        except nvrtc.NVRTCError as error:
            log = nvrtc.getProgramLog(program).strip("\0\n ")
            raise CompileError(f"{name}.cu for {architecture}: {error}\n{log}") from error
        log = nvrtc.getProgramLog(program)
        symbols = {_plain(nvrtc.getLoweredName(program, kernel)): kernel for kernel in wanted}
    finally:
        nvrtc.destroyProgram(program)
    found = {m["symbol"]: _use(m, symbols[m["symbol"]], architecture) for m in _ENTRY.finditer(log)}
    return [found[symbol] for symbol in symbols]


def _plain(symbol: Any) -> str:
    return symbol.decode() if isinstance(symbol, bytes) else str(symbol)


def _use(entry: re.Match[str], kernel: str, architecture: str) -> Use:
    shared = _SHARED.search(entry["rest"])
    spilled = int(entry["stores"]) + int(entry["loads"])
    return Use(
        kernel, architecture, int(entry["registers"]), spilled, int(shared[1]) if shared else 0
    )


def _options(architecture: str) -> tuple[str, ...]:
    from cuda import pathfinder

    include = pathfinder.find_nvidia_header_directory("cudart")
    return (f"-arch={architecture}", "-std=c++17", f"-I{include}", "--ptxas-options=-v")


def main(architectures: Sequence[str] = ()) -> int:
    """Compile everything; return 1 if a kernel does not compile or spills registers."""
    worst = 0
    for name in KERNELS:
        for architecture in architectures or ARCHITECTURES:
            try:
                uses = compile_kernels(name, source(name), names(name), architecture)
            except CompileError as error:
                print(error, file=sys.stderr)
                worst = 1
                continue
            for use in uses:
                print(f"{use.architecture:7} {use.registers:4} registers {use.spill_bytes:4} B "
                      f"spilled {use.shared_bytes:5} B shared  {use.kernel}")  # fmt: skip
                worst = max(worst, use.spill_bytes > 0)
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
