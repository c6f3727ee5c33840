"""The engine's own CUDA kernels: their texts, and what each is instantiated with.

A text stands for itself: headers of ours are put in the place of their ``#include``, so that
whoever compiles it (NVRTC on a device's machine or on one without, g++ in a test) needs no
path, and a cache by the text can never be stale.
"""

import re
from importlib.resources import files
from itertools import product

_OURS = re.compile(r'^#include "(\w+\.cuh)"\n', re.MULTILINE)

STORAGE = ("float", "__half", "__nv_bfloat16")
LABELS = ("int", "long long")
_OPTIMIZERS = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")

# file -> kernels -> what their template parameters range over
KERNELS: dict[str, dict[str, tuple[tuple[str, ...], ...]]] = {
    "softmax_cross_entropy": {"softmax_cross_entropy": (STORAGE, LABELS)},
    "optimizers": {"next_numbers": (), **dict.fromkeys(_OPTIMIZERS, (STORAGE,))},
    "two_layer": {"classify": (STORAGE, LABELS), "classify_grad": (STORAGE,)},
}


def source(name: str) -> str:
    """Return the text of a file of kernels, headers of ours included once each."""
    seen: set[str] = set()

    def insert(match: re.Match[str]) -> str:
        header = match[1]
        if header in seen:
            return ""
        seen.add(header)
        return _text(header).replace("#pragma once\n", "")

    return _OURS.sub(insert, _text(f"{name}.cu"))


def names(name: str) -> list[str]:
    """Return the instantiations of a file, as C++ names: ``adam<float>``."""
    return [
        f"{kernel}<{', '.join(chosen)}>" if chosen else kernel
        for kernel, parameters in KERNELS[name].items()
        for chosen in product(*parameters)
    ]


def _text(file: str) -> str:
    return files(__name__).joinpath(file).read_text(encoding="utf-8")
