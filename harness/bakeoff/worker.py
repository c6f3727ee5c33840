"""The controller's handle of a worker: start it, ask it, survive it.

Every way in which a worker can fail ends in a `WorkerFailure` with an outcome and a
reason. Requests and replies are described in `bakeoff_worker.server`; arrays travel
as ``.npy`` files in a private folder, never pickled.
"""

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

import bakeoff_worker
from bakeoff import worker_log
from bakeoff.ceilings import Ceilings
from bakeoff.launch import Launch, launch_for
from bakeoff.record import Outcome
from bakeoff.replies import Array, Block, Called, Fitted, Observed, Trained
from bakeoff.worker_failure import Evidence, WorkerFailure, ended, late, reported
from bakeoff.worker_process import Ended, Expired, WorkerProcess, kernel_kills
from bakeoff_worker.program import Program

__all__ = ["Launch", "Worker", "WorkerFailure", "launch_for"]

Source = Array | Path  # an array, or an .npy file that holds it

_MAIN = Path(bakeoff_worker.__file__).resolve().parent / "__main__.py"
_PREPARED = ("transfer_ns", "compile_ns", "peak_is_of_program")
_TOLD_BY_SOME = ("launches_per_step",)
_LEAVE_S = 3.0  # how long a worker may take to leave when asked to


class Worker:
    """A running worker; a context manager, which ends it.

    Parameters
    ----------
    launch
        How to start it.
    timeout_s
        For each request, unless that says otherwise, and for the start.
    scratch
        A folder in which the worker's private folder is made (and removed at the end).
    log
        Where the worker's output goes; appended to, and kept. None: in the private folder.

    Attributes
    ----------
    hello
        What the worker said of itself: ``python numpy pid import_ns ready_ns affinity
        describe ops unsupported dtypes asks optimizers device_events``. ``ready_ns`` is the
        wall time from starting the process to this answer, ``import_ns`` the part in which
        the toolkit was imported.

    Raises
    ------
    WorkerFailure
        From every request, the start included. After ``crashed`` and ``timeout`` the
        worker is gone; after the others it can be asked again.
    """

    def __init__(
        self, launch: Launch, timeout_s: float, scratch: Path, log: Path | None = None
    ) -> None:
        self.launch = launch
        self.timeout_s = timeout_s
        self.hello: dict[str, Any] = {}
        self._number = 0
        self._written = 0
        self._last_words: WorkerFailure | None = None
        self._folder = Path(tempfile.mkdtemp(prefix=f"{launch.name}-", dir=scratch)).resolve()
        self._log = log.resolve() if log else self._folder / "log"
        self._kills = kernel_kills()
        started = time.monotonic_ns()
        try:
            self._process = self._start()
            self.hello = self._introduce()
        except BaseException:
            self.close(patience_s=0.0)
            raise
        self.hello["ready_ns"] = time.monotonic_ns() - started

    # -- a program resident in the worker -------------------------------------------

    def prepare(
        self,
        program: Program,
        inputs: Mapping[str, Source],
        batches: int = 1,
        timeout_s: float | None = None,
    ) -> dict[str, int]:
        """Send a program and its inputs; return ``transfer_ns`` and ``compile_ns``.

        ``peak_is_of_program`` is 1 if `usage` will give the peak of memory since now, and 0 if
        the system can only tell that since the worker's start. ``launches_per_step`` is there
        if the executable tells it.

        For a training program the data inputs carry a leading axis of length ``batches``.
        """
        with self._files(inputs) as files:
            reply = self._ask(
                "prepare",
                timeout_s,
                program=program.to_json(),
                inputs=files,
                batches=batches,
            )
        told = [k for k in _TOLD_BY_SOME if k in reply]
        return {k: int(reply[k]) for k in (*_PREPARED, *told)}

    def call(self, timeout_s: float | None = None) -> tuple[list[Array], Called]:
        """Run a forward or gradient program once; return its results and costs."""
        reply = self._ask("call", timeout_s)
        costs = Called(
            devices=tuple(reply["devices"]),
            first=reply["first"],
            wall_ns=reply["wall_ns"],
            cpu_ns=reply["cpu_ns"],
        )
        return self._arrays(reply), costs

    def inputs(self, timeout_s: float | None = None) -> dict[str, list[Array]]:
        """Return the resident inputs as they are now, one array per batch.

        A program must not change them: compare with what was sent.
        """
        reply = self._ask("inputs", timeout_s)
        found: dict[str, list[Array]] = {}
        for name, array in zip(reply["names"], self._arrays(reply), strict=True):
            found.setdefault(name, []).append(array)
        return found

    def observe(self, others: Mapping[str, Source], timeout_s: float | None = None) -> Observed:
        """Call a forward or gradient program once more, and on other inputs after that.

        Shows what a single call hides: a result that is kept, overwritten, or in an input's
        memory. The prepared inputs stay resident.
        """
        with self._files(others) as files:
            reply = self._ask("observe", timeout_s, inputs=files)
        return Observed(
            outputs=self._arrays(reply),
            overwritten=reply["overwritten"],
            same=reply["same"],
            shared=[(i, name) for i, name in reply["shared"]],
        )

    def train(
        self, steps: int, keep: Iterable[int] = (), timeout_s: float | None = None
    ) -> Trained:
        """Run optimizer steps from the prepared parameters, over the batches in turn.

        ``keep`` names the steps after which the parameters are returned.
        """
        reply = self._ask("train", timeout_s, steps=steps, keep=sorted(set(keep)))
        losses, *params = self._arrays(reply)
        kept = reply["kept"]
        each = len(params) // len(kept) if kept else 0
        return Trained(
            losses=losses,
            devices=tuple(reply["devices"]),
            params={s: params[i * each : (i + 1) * each] for i, s in enumerate(kept)},
            first=reply["first"],
            first_step_ns=reply["first_step_ns"],
            wall_ns=reply["wall_ns"],
            cpu_ns=reply["cpu_ns"],
        )

    def calibrate(self, target_ns: int, timeout_s: float | None = None) -> int:
        """Return how many calls make a block of about ``target_ns`` wall time."""
        return int(self._ask("calibrate", timeout_s, target_ns=target_ns)["loops"])

    def block(self, loops: int, timeout_s: float | None = None) -> Block:
        """Time ``loops`` calls or optimizer steps, synchronised at their end.

        A training block begins from the prepared parameters, so that every block does the
        same work. A block of four calls or more is preceded by an untimed one.
        """
        reply = self._ask("block", timeout_s, loops=loops)
        names = ("loops", "wall_ns", "cpu_ns", "involuntary", "rss_bytes")
        return Block(**{name: reply[name] for name in names}, device_ns=reply.get("device_ns"))

    def cold(self, calls: int, timeout_s: float | None = None) -> list[int]:
        """Return the device time of each of ``calls`` calls, the cache flushed before each.

        For workers whose greeting has ``device_events``.
        """
        return [int(ns) for ns in self._ask("cold", timeout_s, calls=calls)["cold_ns"]]

    def release(self, timeout_s: float | None = None) -> None:
        """Put the resident program and its tensors away."""
        self._ask("release", timeout_s)

    # -- whole trainings, and figures ------------------------------------------------

    def fit(
        self,
        program: Program,
        predict: Program,
        *,
        params: Mapping[str, Source],
        train: Mapping[str, Source],
        order: Source,
        test_x: Source,
        test_y: Source,
        target_accuracy: float | None = None,
        noise: Mapping[str, Source] | None = None,
        before: Sequence[tuple[Program, Source]] = (),
        timeout_s: float | None = None,
    ) -> Fitted:
        """Train for epochs, to ``target_accuracy`` if given; see `bakeoff_worker.fit.fit`.

        ``params`` are the first values by name; ``train`` holds all rows by the program's
        data inputs, but for those of ``noise``, (steps, batch, ...) each; ``order`` the row
        numbers, (epochs, steps, batch); ``test_y`` classes.
        An epoch's time includes gathering, transfer and steps, not evaluation. ``before``
        are stages of pre-training: a program, and its order of rows.
        """
        others = {"order": order, "test_x": test_x, "test_y": test_y}
        orders = {str(i): rows for i, (_, rows) in enumerate(before)}
        with (
            self._files(params) as p,
            self._files(train) as t,
            self._files(noise or {}) as n,
            self._files(others) as o,
            self._files(orders) as stages,
        ):
            reply = self._ask(
                "fit",
                timeout_s,
                program=program.to_json(),
                predict=predict.to_json(),
                params=p,
                train=t,
                noise=n,
                target_accuracy=target_accuracy,
                before=[
                    {"program": stage.to_json(), "order": stages[str(i)]}
                    for i, (stage, _) in enumerate(before)
                ],
                **o,
            )
        losses, earlier, predictions, *final = self._arrays(reply)
        epochs = reply["epochs"]
        wall_ns = [e["wall_ns"] for e in epochs]
        return Fitted(
            losses=losses,
            before=earlier,
            predictions=predictions,
            params=final,
            wall_ns=wall_ns,
            cpu_ns=[e["cpu_ns"] for e in epochs],
            evaluate_ns=[e["evaluate_ns"] for e in epochs],
            accuracy=[e["accuracy"] for e in epochs],
            reached=reply["reached"],
            time_to_target_ns=sum(wall_ns) if reply["reached"] else None,
            transfer_ns=reply["transfer_ns"],
            compile_ns=reply["compile_ns"],
            before_ns=reply["before_ns"],
        )

    def ceilings(
        self,
        dtypes: Iterable[str],
        clock: str,
        copying: str = "host",
        timeout_s: float | None = None,
    ) -> Ceilings:
        """Measure what is possible there; puts the resident program away.

        See `bakeoff_worker.ceilings`. ``clock`` is ``"cpu"`` or ``"wall"``;
        ``copying`` is measured in the memory of the ``"host"``, the ``"device"``, or not (empty).
        """
        asked = {"dtypes": list(dtypes), "clock": clock, "copying": copying}
        reply = self._ask("ceilings", timeout_s, **asked)
        return Ceilings.from_json({**reply, "clock": clock})

    def usage(self, timeout_s: float | None = None) -> dict[str, int]:
        """Return ``peak_rss_bytes``, ``rss_bytes``, ``cpu_ns`` and the adapter's own figures.

        The peak is that since the last `prepare`, where the system can tell (Linux).
        """
        reply = self._ask("usage", timeout_s)
        return {k: v for k, v in reply.items() if k not in ("id", "ok")}

    # -- the process -----------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._last_words is None

    def log_tail(self) -> str:
        """Return the end of what the worker has printed."""
        return self._last_words.log_tail if self._last_words else worker_log.tail(self._log)

    def close(self, patience_s: float = _LEAVE_S) -> None:
        """End the worker and its descendants, and remove its folder. May be repeated."""
        process = getattr(self, "_process", None)
        if process is not None:
            process.end(patience_s if self.alive else 0.0)
        if self._last_words is None:
            self._last_words = self._failure(Outcome.ERROR, "closed")
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(_LEAVE_S if kind is None else 0.0)

    def _start(self) -> WorkerProcess:
        launch = self.launch
        try:
            return WorkerProcess(
                [launch.python, "-s", "-u", str(_MAIN)],
                env=launch.environment(),
                folder=self._folder,
                log=self._log,
                arguments=[] if launch.cpu is None else ["--cpu", str(launch.cpu)],
            )
        except OSError as error:
            raise self._failure(
                Outcome.UNAVAILABLE, f"cannot start {launch.python}: {error}"
            ) from error

    def _introduce(self) -> dict[str, Any]:
        launch = self.launch
        reply = self._ask(
            "hello",
            None,
            adapter_file=launch.adapter_file,
            adapter_class=launch.adapter_class,
            mode=dict(launch.mode),
            threads=launch.threads,
            packages=dict(launch.packages),
        )
        return {k: v for k, v in reply.items() if k not in ("id", "ok")}

    def _ask(self, command: str, timeout_s: float | None, **fields: Any) -> dict[str, Any]:
        if self._last_words is not None:
            raise self._failure(
                self._last_words.outcome, f"{command}: no worker ({self._last_words.reason})"
            ) from self._last_words
        self._number += 1
        limit_s = self.timeout_s if timeout_s is None else timeout_s
        request = {
            "id": self._number,
            "command": command,
            "folder": str(self._folder),
            **fields,
        }
        try:
            line = self._process.exchange(
                json.dumps(request).encode() + b"\n", time.monotonic() + limit_s
            )
        except Expired:
            self._process.abort()
            raise self._gone(late(command, limit_s, self._evidence())) from None
        except Ended:
            status = self._process.end(0.0)
            killed = kernel_kills() > self._kills
            raise self._gone(ended(command, status, killed, self._evidence())) from None
        except BaseException:
            # Interrupted: the answer would come to nobody.
            self._process.end(0.0)
            self._last_words = self._failure(Outcome.INTERRUPTED, f"{command}: interrupted")
            raise
        self._process.rest()
        return self._checked(command, line)

    def _checked(self, command: str, line: bytes) -> dict[str, Any]:
        try:
            reply = json.loads(line)
            if not isinstance(reply, dict) or reply["id"] != self._number:
                raise ValueError("not the reply to this request")
            if reply["ok"]:
                return reply
            error = reply["error"]
        except (ValueError, KeyError, TypeError) as problem:
            self._process.end(0.0)
            shown = worker_log.readable(line[:200])
            reason = f"{command}: the worker broke the protocol ({problem}): {shown!r}"
            raise self._gone(self._failure(Outcome.ERROR, reason)) from None
        raise reported(command, error, self._evidence())

    def _evidence(self) -> Evidence:
        return Evidence.of(self._log, self._folder / "stack")

    def _failure(self, outcome: Outcome, reason: str) -> WorkerFailure:
        evidence = self._evidence()
        return WorkerFailure(outcome, reason, "", evidence.stack, evidence.log_tail)

    def _gone(self, failure: WorkerFailure) -> WorkerFailure:
        self._last_words = failure
        return failure

    # -- arrays as files -------------------------------------------------------------

    @contextlib.contextmanager
    def _files(self, arrays: Mapping[str, Source]) -> Any:
        """Write arrays for the worker to map; remove them when it has read them."""
        files: dict[str, str] = {}
        written: list[Path] = []
        try:
            for name, source in arrays.items():
                if isinstance(source, Path):
                    files[name] = str(source.resolve())
                    continue
                self._written += 1
                path = self._folder / f"in-{self._written}.npy"
                written.append(path)
                np.save(path, source, allow_pickle=False)
                files[name] = str(path)
            yield files
        finally:
            for path in written:
                path.unlink(missing_ok=True)

    def _arrays(self, reply: Mapping[str, Any]) -> list[Array]:
        arrays = []
        for name in reply["files"]:
            path = self._folder / Path(name).name  # a bare name: nothing outside the folder
            arrays.append(np.load(path, allow_pickle=False))
            path.unlink()
        return arrays
