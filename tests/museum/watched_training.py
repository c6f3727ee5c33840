"""Train in a toolkit's own environment, watched. Runs on Python 3.6; a script, no test module.

Takes a JSON file that says what to train and where the answer goes. While a step runs

- NumPy, as the adapter's modules see it, only makes and reads arrays: `Reader` raises on
  arithmetic, whichever name they imported it by;
- calls into the toolkit's modules are noted, Python and C (`sys.setprofile`), and after the
  last step what `graph_of` finds: the operators of a graph that the toolkit runs.
"""

import importlib
import json
import sys
import types

# What makes arrays, reads them and names their types. All else is arithmetic.
READING = frozenset(
    "array asarray ascontiguousarray asfortranarray empty zeros ones full ndarray dtype generic "
    "bool_ int8 int16 int32 int64 uint8 float16 float32 float64 integer floating number "
    "issubdtype may_share_memory shares_memory seterr "
    "__version__ errstate".split()
)


class Reader(types.ModuleType):
    """NumPy for an adapter; the toolkit, and all others, get it whole."""

    def __init__(self, numpy):
        types.ModuleType.__init__(self, "numpy")
        self.__dict__["_numpy"] = numpy
        self.__dict__["__path__"] = numpy.__path__
        self.__dict__["__spec__"] = numpy.__spec__

    def __getattr__(self, name):
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if caller.startswith("bakeoff_") and name not in READING:
            raise AssertionError("%s calls numpy.%s, which is the toolkit's to do" % (caller, name))
        return getattr(self._numpy, name)


class Calls(object):
    """Names of the toolkit's functions that were called, as ``module.function``."""

    def __init__(self, prefixes):
        self.prefixes = tuple(p + "." for p in prefixes) + tuple(prefixes)
        self.names = set()

    def __call__(self, frame, event, argument):
        if event == "call":
            code = frame.f_code
            name = getattr(code, "co_qualname", code.co_name)  # with its class, from 3.11 on
            self._note(frame.f_globals.get("__name__") or "", name)
        elif event == "c_call":
            owner = getattr(argument, "__self__", None)
            module = getattr(argument, "__module__", None)
            if not isinstance(module, str) or not module.startswith(self.prefixes):
                owner_type = owner if isinstance(owner, type) else type(owner)
                module = getattr(owner, "__name__", "") if _is_module(owner) else ""
                module = module or "%s.%s" % (owner_type.__module__, owner_type.__name__)
            self._note(module, getattr(argument, "__name__", ""))

    def _note(self, module, name):
        if module.startswith(self.prefixes):
            self.names.add("%s.%s" % (module, name))


def _is_module(value):
    return isinstance(value, types.ModuleType)


def adapter_of(task):
    """Load the adapter as a worker does, twice: the second time with NumPy behind a `Reader`."""
    from bakeoff_worker import loader

    loader.make_importable(task["packages"])
    load = lambda: loader.load_class(task["adapter_file"], task["adapter_class"])  # noqa: E731
    load()(threads=1, **task["mode"])  # the toolkit takes NumPy itself
    numpy = sys.modules["numpy"]
    for name in [n for n in sys.modules if n.startswith("bakeoff_adapter")]:
        del sys.modules[name]
    sys.modules["numpy"] = Reader(numpy)
    try:
        adapter = load()(threads=1, **task["mode"])
    finally:
        sys.modules["numpy"] = numpy
    for name in list(sys.modules):  # the worker's own modules, if they compute
        module = sys.modules[name]
        if name.startswith("bakeoff_worker.") and getattr(module, "np", None) is numpy:
            module.np = Reader(numpy)
    return adapter


def train(adapter, program, arrays, steps, prefixes, graph_of):
    """Return the losses, and which of the toolkit's functions and operators ran."""
    types_of = {v.name: v.dtype for v in program.inputs}
    executable = adapter.compile(program)
    executable.load([adapter.tensor(arrays[n], types_of[n]) for n in program.ask["params"]])
    data = [v.name for v in program.data_inputs]
    calls, losses = Calls(prefixes), []
    for step in range(steps):
        batch = [adapter.tensor(arrays[n][step % len(arrays[n])], types_of[n]) for n in data]
        sys.setprofile(calls)
        try:
            (loss,) = executable(*batch)
            adapter.synchronize([loss])
        finally:
            sys.setprofile(None)
        losses.append(float(adapter.to_numpy(loss)))
    names = calls.names
    if graph_of:
        module, function = graph_of
        names = names | set(getattr(importlib.import_module(module), function)(adapter, executable))
    return losses, sorted(names)


def main(path):
    """Do the task in the file; write the losses and the names to its ``answer``."""
    with open(path) as file:
        task = json.load(file)
    sys.path.insert(0, task["harness"])
    import numpy

    from bakeoff_worker.program import Program

    adapter = adapter_of(task)
    sys.path[0] = task["here"]
    arrays = {name: numpy.load(file) for name, file in task["arrays"].items()}
    losses, names = train(
        adapter,
        Program.from_json(task["program"]),
        arrays,
        task["steps"],
        task["prefixes"],
        task["graph_of"],
    )
    with open(task["answer"], "w") as file:
        json.dump({"losses": losses, "names": names}, file)


if __name__ == "__main__":
    main(sys.argv[1])
