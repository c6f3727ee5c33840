"""What a worker does: one method per command, one program resident at a time.

Arrays come and go as ``.npy`` files in a scratch folder that the controller owns,
read and written with ``allow_pickle=False``.
"""

import gc
import os
import platform
import sys
from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np

from bakeoff_worker import ceilings, device, fit, loader, measure
from bakeoff_worker.adapter import Unsupported, refusal
from bakeoff_worker.failures import Refused
from bakeoff_worker.program import Program

Request = Dict[str, Any]
Reply = Dict[str, Any]


class Resident(object):
    """A compiled program with its tensors."""

    def __init__(self, program: Program, executable: Any, tensors: Dict[str, List[Any]]) -> None:
        self.program = program
        self.executable = executable
        self.tensors = tensors
        self.called = False
        names = [v.name for v in program.data_inputs]
        count = max([len(tensors[n]) for n in names] or [1])
        # one tuple of arguments per resident batch
        self.batches = [tuple(tensors[n][i] for n in names) for i in range(count)]
        self.params = [tensors[n][0] for n in program.ask.get("params", ())]

    @property
    def training(self) -> bool:
        return self.program.kind == "training"

    def rewind(self) -> None:
        """Bring a training program back to its first parameters; others have no state."""
        if self.training:
            self.executable.load(self.params)


class Session(object):
    """The worker's state between requests."""

    def __init__(self) -> None:
        self._adapter: Any = None
        self._timer: Any = None  # of a device, if the toolkit has its events
        self._resident: Optional[Resident] = None
        self._commands: Dict[str, Callable[[Request], Reply]] = {
            "hello": self.hello,
            "prepare": self.prepare,
            "call": self.call,
            "inputs": self.inputs,
            "observe": self.observe,
            "train": self.train,
            "calibrate": self.calibrate,
            "block": self.block,
            "cold": self.cold,
            "fit": self.fit,
            "ceilings": self.ceilings,
            "usage": self.usage,
            "release": self.release,
        }

    def handle(self, request: Request) -> Reply:
        """Return the reply to a request; whatever goes wrong is raised."""
        command = request["command"]
        if command not in self._commands:
            raise Refused(
                "command %r, expected one of %s" % (command, ", ".join(sorted(self._commands)))
            )
        return self._commands[command](request)

    def hello(self, request: Request) -> Reply:
        """Import the toolkit and say what it offers; ``import_ns`` is that import's time."""
        loader.make_importable(loader.locations(request["packages"]))
        start = measure.wall_ns()
        factory = loader.load_class(request["adapter_file"], request["adapter_class"])
        adapter = factory(threads=request["threads"], **request["mode"])
        import_ns = measure.wall_ns() - start
        self._adapter = adapter
        self._timer = getattr(adapter, "device_timer", lambda: None)()
        if hasattr(gc, "freeze"):  # Python 3.7
            # The toolkit's own objects stay for good: without this, each collection
            # between programs walks all of them (100 ms and more).
            gc.collect()
            gc.freeze()
        return {
            "python": platform.python_version(),
            "executable": sys.executable,
            "numpy": np.__version__,
            "pid": os.getpid(),
            "import_ns": import_ns,
            "affinity": measure.affinity(),
            "describe": adapter.describe(),
            "ops": sorted(adapter.ops),
            "unsupported": dict(getattr(adapter, "unsupported", {})),
            "dtypes": list(adapter.dtypes),
            "asks": list(adapter.asks),
            "optimizers": list(adapter.optimizers),
            "device_events": self._timer is not None,
        }

    def prepare(self, request: Request) -> Reply:
        """Make a program and its inputs resident.

        ``transfer_ns`` is the time from host arrays to the toolkit's tensors, ``compile_ns``
        that of `Adapter.compile`; what a toolkit puts off until the first call is in that.
        """
        adapter = self._introduced()
        self.release({})
        program = Program.from_json(request["program"])
        reason = refusal(adapter, program)
        if reason is not None:
            raise Unsupported(reason)
        batches = request.get("batches", 1)
        arrays = {
            value.name: self._host_arrays(request["inputs"], value, program, batches)
            for value in program.inputs
        }
        resettable = measure.reset_peak_memory()
        watch = measure.Stopwatch()
        watch.start()
        tensors = {
            v.name: [adapter.tensor(a, v.dtype) for a in arrays[v.name]] for v in program.inputs
        }
        adapter.synchronize([t for ts in tensors.values() for t in ts])
        watch.stop()
        transfer_ns = watch.wall_ns
        arrays.clear()
        start = measure.wall_ns()
        executable = adapter.compile(program)
        adapter.synchronize()  # a device may be asked for work by then, such as a capture
        compile_ns = measure.wall_ns() - start
        self._resident = Resident(program, executable, tensors)
        reply = {
            "transfer_ns": transfer_ns,
            "compile_ns": compile_ns,
            "peak_is_of_program": resettable,
        }
        launches = getattr(executable, "launches_per_step", None)
        return reply if launches is None else dict(reply, launches_per_step=launches)

    def call(self, request: Request) -> Reply:
        """Run a forward or gradient program once; its results go to the scratch folder."""
        resident = self._prepared(training=False)
        watch = measure.Stopwatch()
        watch.start()
        results = self._results(resident, resident.batches[0])
        watch.stop()
        first, resident.called = not resident.called, True
        return {
            "files": self._save(request, [self._adapter.to_numpy(r) for r in results]),
            "devices": self._devices(results),
            "first": first,
            "wall_ns": watch.wall_ns,
            "cpu_ns": watch.cpu_ns,
        }

    def inputs(self, request: Request) -> Reply:
        """Return the resident inputs as they are now: a program must not change them."""
        resident = self._prepared()
        names = [v.name for v in resident.program.inputs]
        arrays = [self._adapter.to_numpy(t) for n in names for t in resident.tensors[n]]
        return {
            "files": self._save(request, arrays),
            "names": [n for n in names for _ in resident.tensors[n]],
        }

    def observe(self, request: Request) -> Reply:
        """Call on the resident inputs, then on others; tell what the results have in common.

        ``overwritten`` are results of the first call that the second has changed, ``same``
        those that it has given again in every bit, by number; ``shared`` are results in the
        memory of an input, with its name. The second call's results go to the scratch
        folder. Memory is seen as far as `Adapter.to_numpy` shows it: not through a copy, and
        what nobody can write to may be shared.
        """
        resident = self._prepared(training=False)
        inputs = resident.program.inputs

        def to_numpy(tensor: Any) -> Any:
            return np.asarray(self._adapter.to_numpy(tensor))

        others = [
            self._adapter.tensor(
                self._host_arrays(request["inputs"], v, resident.program, 1)[0], v.dtype
            )
            for v in inputs
        ]
        first = self._results(resident, resident.batches[0])
        before = [np.array(to_numpy(r)) for r in first]
        second = [to_numpy(r) for r in self._results(resident, others)]
        after = [to_numpy(r) for r in first]
        mine = {v.name: to_numpy(resident.tensors[v.name][0]) for v in inputs}
        return {
            "files": self._save(request, second),
            "overwritten": [i for i, a in enumerate(after) if not _alike(a, before[i])],
            "same": [i for i, a in enumerate(second) if _alike(a, before[i])],
            "shared": [[i, n] for i, a in enumerate(after) for n in mine if _overlap(a, mine[n])],
        }

    def train(self, request: Request) -> Reply:
        """Run optimizer steps from the given parameters; times leave out the keeping.

        ``first_step_ns`` holds whatever the toolkit compiles at the first step.
        """
        resident = self._prepared(training=True)
        executable, batches, adapter = resident.executable, resident.batches, self._adapter
        resident.rewind()
        keep = set(request["keep"])
        losses: List[Any] = []
        kept: List[Any] = []
        watch = measure.Stopwatch()
        watch.start()
        first_step_ns = 0
        for step in range(1, request["steps"] + 1):
            losses.extend(executable(*batches[(step - 1) % len(batches)]))
            if step == 1 or step in keep:
                adapter.synchronize(losses[-1:])
                watch.stop()
                first_step_ns = first_step_ns or watch.wall_ns
                if step in keep:
                    kept.append([np.array(adapter.to_numpy(p)) for p in executable.params()])
                watch.start()
        adapter.synchronize(losses)
        watch.stop()
        first, resident.called = not resident.called, True
        arrays = [scalars(adapter, losses)]
        arrays.extend(p for params in kept for p in params)
        return {
            "files": self._save(request, arrays),
            "devices": self._devices(losses[:1] + list(executable.params())),
            "kept": sorted(s for s in keep if 1 <= s <= request["steps"]),
            "first": first,
            "first_step_ns": first_step_ns,
            "wall_ns": watch.wall_ns,
            "cpu_ns": watch.cpu_ns,
        }

    def calibrate(self, request: Request) -> Reply:
        """Warm up; return how many calls make a block of about ``target_ns``.

        An executable that does several steps at once (``steps_at_once``) does them whole.
        """
        resident = self._prepared()
        together = int(getattr(resident.executable, "steps_at_once", 1))
        if not resident.called:
            self._block(together)  # what is compiled at the first call is not what we time
        loops = measure.warm_loops(self._block, request["target_ns"])
        return {"loops": -(-loops // together) * together}

    def block(self, request: Request) -> Reply:
        """Time ``loops`` calls; blocks of several calls are preceded by an untimed one."""
        resident = self._prepared()
        loops = request["loops"]
        if loops >= measure.WARM_FROM_LOOPS:
            resident.rewind()
            self._adapter.synchronize(resident.executable(*resident.batches[0]))
        return dict(self._block(loops))

    def cold(self, request: Request) -> Reply:
        """Time single calls on a device whose cache was flushed before each."""
        resident = self._prepared()
        if self._timer is None:
            raise Refused("cold: this toolkit has no device events; ask for a block")
        if not resident.called:
            self._block(1)
        resident.rewind()
        cold_ns = device.cold_calls(
            resident.executable, resident.batches, request["calls"],
            self._adapter.synchronize, self._timer,
        )  # fmt: skip
        return {"cold_ns": cold_ns}

    def fit(self, request: Request) -> Reply:
        """Train for epochs to a target accuracy; see `bakeoff_worker.fit.fit`."""
        adapter = self._introduced()
        self.release({})
        program = Program.from_json(request["program"])
        predict = Program.from_json(request["predict"])
        before = [(Program.from_json(s["program"]), _mapped(s["order"])) for s in request["before"]]
        for part in [program, predict, *(stage for stage, _ in before)]:
            reason = refusal(adapter, part)
            if reason is not None:
                raise Unsupported(reason)
        fitted = fit.fit(
            adapter,
            program,
            predict,
            params={k: _mapped(v) for k, v in request["params"].items()},
            train={k: _mapped(v) for k, v in request["train"].items()},
            order=_mapped(request["order"]),
            test_x=_mapped(request["test_x"]),
            test_y=_mapped(request["test_y"]),
            target_accuracy=request.get("target_accuracy"),
            noise={k: _mapped(v) for k, v in request.get("noise", {}).items()},
            before=before,
        )
        arrays = [fitted.losses, fitted.before, fitted.predictions, *fitted.params]
        files = self._save(request, arrays)
        return {
            "files": files,
            "epochs": fitted.epochs,
            "reached": fitted.reached,
            "transfer_ns": fitted.transfer_ns,
            "compile_ns": fitted.compile_ns,
            "before_ns": fitted.before_ns,
        }

    def ceilings(self, request: Request) -> Reply:
        """Measure what is possible here by a clock; see `bakeoff_worker.ceilings`.

        A dtype whose product is not offered, fails or is wrong has no rate. Copying is
        measured if ``copying`` says where, ``"host"`` or ``"device"``: it is alike in all workers
        there. A resident program is put away.
        """
        adapter, clock = self._introduced(), ceilings.CLOCKS[request["clock"]]
        self.release({})
        gemm = {}
        for dtype in request["dtypes"]:
            if not ceilings.offers_product(adapter, dtype):
                continue
            try:
                rate = ceilings.product_rate(adapter, dtype, clock)
            except Exception:  # whatever a toolkit raises: the other dtypes are worth having
                continue
            finally:
                self.release({})
            if rate:
                gemm[dtype] = rate
        return {
            "gemm": gemm,
            "copy": self._copy_rates(request["copying"], clock),
            "call_ns": ceilings.bare_call_ns(clock),
        }

    def _copy_rates(self, where: str, clock: Any) -> Any:
        if where == "host":
            return ceilings.copy_rates(clock)
        if where != "device":
            return []
        try:
            return ceilings.device_copy_rates(self._adapter, clock)
        except Exception:  # too little memory there, say: the products are worth having
            return []
        finally:
            self.release({})

    def usage(self, request: Request) -> Reply:
        """Return memory figures, and CPU time since the process began."""
        figures = dict(measure.memory(), cpu_ns=measure.cpu_ns())
        own = getattr(self._adapter, "memory", None)
        if own is not None:
            figures.update(own())
        return figures

    def release(self, request: Request) -> Reply:
        """Put the program and its tensors away."""
        self._resident = None
        gc.collect()
        getattr(self._adapter, "release", lambda: None)()
        return {}

    def _results(self, resident: Resident, tensors: Sequence[Any]) -> Sequence[Any]:
        results: Sequence[Any] = resident.executable(*tensors)
        self._adapter.synchronize(results)
        return results

    def _devices(self, tensors: Sequence[Any]) -> List[Optional[str]]:
        device_of = getattr(self._adapter, "device_of", lambda tensor: None)
        return [device_of(t) for t in tensors]

    def _introduced(self) -> Any:
        if self._adapter is None:
            raise Refused("no toolkit yet; send hello first, and see its reply")
        return self._adapter

    def _prepared(self, training: Optional[bool] = None) -> Resident:
        resident = self._resident
        if resident is None:
            raise Refused("no program is resident; send prepare first")
        if training is not None and resident.training != training:
            raise Refused(
                "program %s asks for %s; a training program takes train, others take call"
                % (resident.program.name, resident.program.kind)
            )
        return resident

    def _block(self, loops: int) -> Dict[str, int]:
        resident = self._prepared()
        resident.rewind()
        resident.called = True
        return measure.timed_block(
            resident.executable, resident.batches, loops, self._adapter.synchronize, self._timer
        )

    def _host_arrays(
        self, files: Dict[str, str], value: Any, program: Program, batches: int
    ) -> List[Any]:
        """Return an input's arrays, copied out of the file: one, or one per batch."""
        if value.name not in files:
            raise Refused("program %s: no array for input %s" % (program.name, value.name))
        array = np.array(_mapped(files[value.name]))
        split = program.kind == "training" and value.name not in program.ask["params"]
        expected = ((batches,) if split else ()) + tuple(value.shape)
        if array.shape != expected:
            raise Refused(
                "program %s: input %s has shape %s, expected %s"
                % (program.name, value.name, array.shape, expected)
            )
        return [np.array(a) for a in array] if split else [array]

    def _save(self, request: Request, arrays: Sequence[Any]) -> List[str]:
        names = []
        for i, array in enumerate(arrays):
            name = "out-%s-%d.npy" % (request["id"], i)
            np.save(os.path.join(request["folder"], name), np.asarray(array), allow_pickle=False)
            names.append(name)
        return names


def _mapped(path: str) -> Any:
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _alike(a: Any, b: Any) -> bool:
    """Return whether two arrays have the same bits."""
    return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())


def _overlap(a: Any, b: Any) -> bool:
    writable = a.flags.writeable or b.flags.writeable
    return bool(writable and np.may_share_memory(a, b))


def scalars(adapter: Any, losses: Sequence[Any]) -> Any:
    """Return scalar tensors as one float64 array."""
    return np.array([float(np.asarray(adapter.to_numpy(x)).reshape(())) for x in losses], "f8")
