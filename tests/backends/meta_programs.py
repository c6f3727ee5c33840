"""Run programs on PyTorch's ``meta`` device, in its own environment: shapes without values.

Stands in for a GPU in one respect: a tensor that is made on the CPU by mistake does not mix
with those of another device, and an output that lies elsewhere shows. Reads programs as JSON
lines; prints a JSON object with what went wrong, by program.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parents[2]
sys.path[:0] = [str(HERE / "harness"), str(HERE / "backends" / "bakeoff_torch")]


def problem(adapter, program):
    """Return what is wrong with a program's outputs; empty if nothing."""
    torch = adapter.torch
    dtypes = {name: getattr(torch, name) for name in adapter.dtypes}
    tensors = [torch.empty(v.shape, dtype=dtypes[v.dtype], device="meta") for v in program.inputs]
    executable = adapter.compile(program)
    if program.kind == "training":
        names = [v.name for v in program.inputs]
        executable.load([tensors[names.index(n)] for n in program.ask["params"]])
        tensors = [tensors[names.index(v.name)] for v in program.data_inputs]
    places = {str(result.device) for result in executable(*tensors)}
    return "" if places == {"meta"} else f"results lie on {sorted(places)}"


def main():
    from bakeoff_worker import loader
    from bakeoff_worker.program import Program

    path = str(HERE / "backends" / "bakeoff_torch" / "adapter.py")
    adapter = loader.load_class(path, "TorchAdapter")(device="meta")
    found = {}
    for line in sys.stdin:
        program = Program.from_json(json.loads(line))
        try:
            wrong = problem(adapter, program)
        except Exception as error:
            wrong = f"{type(error).__name__}: {error}"
        if wrong:
            found[program.name] = wrong
    print(json.dumps(found))


if __name__ == "__main__":
    main()
