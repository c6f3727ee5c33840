"""Exceptions as data: what kind of failure, in which words, where."""

import re
import traceback
from typing import Any, Dict

from bakeoff_worker.adapter import Unsupported

MESSAGE_CHARACTERS = 4000
TRACEBACK_CHARACTERS = 16000

# Class names and words by which toolkits report that memory ran out: PyTorch, CuPy, JAX
# and TensorFlow (XLA's and TF's status codes), C++, CUDA, the JVM, Python.
_MEMORY_CLASSES = ("MemoryError", "OutOfMemoryError", "ResourceExhaustedError")
_MEMORY_WORDS = re.compile(
    r"RESOURCE_EXHAUSTED|\bout of memory\b|std::bad_alloc|CUDA_ERROR_OUT_OF_MEMORY"
    r"|can't allocate memory|cannot allocate memory|OOM when allocating",
    re.IGNORECASE,
)


class Refused(Exception):
    """A request that the worker cannot serve: unknown, malformed or out of order."""


def kind_of(error: BaseException) -> str:
    """Return ``unsupported``, ``out_of_memory``, ``exit`` or ``error``."""
    if isinstance(error, Unsupported):
        return "unsupported"
    if isinstance(error, SystemExit):
        return "exit"
    names = [c.__name__ for c in type(error).__mro__]
    if any(n in names for n in _MEMORY_CLASSES) or _MEMORY_WORDS.search(_text(error)):
        return "out_of_memory"
    return "error"


def describe(error: BaseException) -> Dict[str, Any]:
    """Return ``kind``, ``type``, ``message`` and ``traceback``, of bounded length."""
    try:
        lines = traceback.format_exception(type(error), error, error.__traceback__)
        trace = "".join(lines)
    except Exception:  # an exception whose own __str__ fails
        trace = ""
    return {
        "kind": kind_of(error),
        "type": type(error).__name__,
        "message": _text(error)[:MESSAGE_CHARACTERS],
        "traceback": trace[-TRACEBACK_CHARACTERS:],
    }


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "<no message: %s.__str__ failed>" % type(error).__name__
