"""Build plans for a device that need not be there, and see what they take.

``python -m convolution.deviceless DEVICE.json < PROBLEMS``, with this package's parent on the
path, builds a plan for every problem, one a line as JSON (the fields of `problem.Problem`, and a
``name``), and prints its workspace. DEVICE.json holds what cuDNN says of a device as ``device``. It
needs `REQUIREMENTS`, and a ``libcuda.so.1`` for cuDNN to load, of which nothing is called; but
neither a device nor the rest of bakeoff.
Source: https://docs.nvidia.com/deeplearning/cudnn/backend/latest/api/cudnn-graph-library.html
(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR)
"""

import json
import sys
from collections.abc import Iterable
from typing import Any

from . import CUDNN
from .plans import Refused, build
from .problem import Problem

REQUIREMENTS = (*CUDNN, "cuda-toolkit[nvrtc,cublas]==13.0.*")


def main(device: str, lines: Iterable[str]) -> int:
    """Build all plans; return 1 if one cannot be built."""
    import cudnn

    with open(device, encoding="utf-8") as file:
        described = cudnn.create_device_properties(json.dumps(json.load(file)["device"]))
    worst = 0
    for line in lines:
        given = json.loads(line)
        name, problem = given.pop("name"), _problem(given)
        found = f"{name:24} {problem.which:11} {'tf32' if problem.tf32 else problem.dtype:8}"
        try:
            plan = build(cudnn, problem, device_property=described)
        except (Refused, RuntimeError) as error:
            print(f"{found} {type(error).__name__}: {error}", file=sys.stderr)
            worst = 1
        else:
            print(f"{found} {plan.workspace_bytes:12,} B of workspace")
    return worst


def _problem(given: dict[str, Any]) -> Problem:
    fields: Any = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    return Problem(**fields)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m convolution.deviceless DEVICE.json < PROBLEMS")
    sys.exit(main(sys.argv[1], sys.stdin))
