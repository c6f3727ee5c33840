"""fast.ai in the worker: its Learner and its optimizers, over PyTorch's modules.

Source: https://docs.fast.ai/learner.html, https://docs.fast.ai/optimizer.html
"""

from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from bakeoff_worker import optimizers
from bakeoff_worker.program import Program, references
from bakeoff_worker.training import InPlaceTraining

from .adapter import TorchAdapter

Tensor = Any

_WRAPPED = "native: torch.optim's through fastai.OptimWrapper, for fastai.optimizer has none"
_NOTES = (
    "training only is fast.ai's: a forward program runs as the Learner's model does, in PyTorch",
    "the model is the program up to where the labels come in, the loss function what follows",
    "Learner.one_batch takes the batches; no DataLoader makes them, and no callback is set",
)


class FastaiAdapter(TorchAdapter):
    """fast.ai on the CPU."""

    asks: Sequence[str] = ("forward", "training")

    def __init__(self, threads: int = 1) -> None:
        super().__init__(threads)
        import fastai
        import fastai.data.core
        import fastai.data.load
        import fastai.learner
        import fastai.optimizer

        self.name = "fastai"
        self.fastai = fastai

    def describe(self) -> Dict[str, Any]:
        """Return what PyTorch says, and fast.ai's version, optimizers and notes."""
        described = super().describe()
        described.update(
            toolkit="fastai",
            version=self.fastai.__version__,
            torch=self.torch.__version__,
            optimizer_origin={
                name: _WRAPPED if name in ("nesterov", "adagrad") else "native"
                for name in self.optimizers
            },
            notes=[*_NOTES, *described["notes"]],
        )
        return described

    def compile(self, program: Program) -> Any:
        """Return PyTorch's function, or a Learner that trains."""
        if program.kind == "training":
            return Training(self, program)
        return self._forward(program)

    def function(self, program: Program) -> Callable[..., Tuple[Tensor, ...]]:
        """Return a program's forward computation in PyTorch."""
        return self._forward(program)


class Training(InPlaceTraining):
    """One step per call: ``Learner.one_batch``."""

    def __init__(self, adapter: FastaiAdapter, program: Program) -> None:
        super().__init__(program)
        ask = program.ask
        self._adapter = adapter
        self._hyper = optimizers.hyperparameters(ask["optimizer"], ask["hyper"])
        self._lr = float(ask["hyper"]["lr"])
        self._make = _maker(adapter, ask["optimizer"], self._hyper)
        labels = program.data_inputs[-1:]
        model, loss = split(program, labels[0].name)
        self._model = adapter.function(model)
        self._loss = adapter.function(loss)
        self._learner: Any = None

    def start(self, params: Sequence[Tensor]) -> List[Any]:
        """Return the Parameters of a fresh Learner's model."""
        torch, fastai = self._adapter.torch, self._adapter.fastai
        leaves = [torch.nn.Parameter(p.detach().clone()) for p in params]
        none = fastai.data.load.DataLoader([], num_workers=0)  # the batches come one by one
        dls = fastai.data.core.DataLoaders(none, device="cpu")
        dls.n_inp = len(self._data) - 1
        self._learner = fastai.learner.Learner(
            dls,
            _module(torch, self._model, leaves, self._positions, self._data),
            loss_func=lambda outputs, labels: self._loss(*outputs, labels)[0],
            opt_func=self._make,
            lr=self._lr,
            wd=self._hyper.get("weight_decay", 0.0),
            wd_bn_bias=True,
            default_cbs=False,
        )
        self._learner.create_opt()
        self._learner.opt.set_hypers(wd=self._learner.wd)
        self._learner.model.train()
        self._learner.training = True
        return leaves

    def step(self, arguments: Sequence[Any], lr: float, t: int) -> Tensor:
        """Step and return the loss."""
        learner = self._learner
        if lr != self._lr:
            self._lr = lr
            learner.opt.set_hyper("lr", lr)
        learner.one_batch(t - 1, tuple(arguments[i] for i in self._data))
        return learner.loss.detach()

    def copy(self, param: Any) -> Tensor:
        """Return a copy outside the tape."""
        return param.detach().clone()


def split(program: Program, labels: str) -> Tuple[Program, Program]:
    """Return what does not depend on the labels, and what does, as forward programs.

    The first takes the program's other inputs; the second what it needs of the first's
    results and inputs, in the order of the first's outputs, and the labels.
    """
    late = {labels}
    for node in program.nodes:
        if late.intersection(references(node)):
            late.add(node.name)
    after = [n for n in program.nodes if n.name in late]
    needed = {name for n in after for name in references(n)} - late
    needed.update(set(program.outputs) - late)
    values = program.values()
    between = [name for name in values if name in needed]  # in the order of definition
    inputs = tuple(v for v in program.inputs if v.name != labels)
    first = program._replace(
        inputs=inputs,
        nodes=tuple(n for n in program.nodes if n.name not in late),
        outputs=tuple(between),
        ask={"kind": "forward"},
    )
    second = program._replace(
        inputs=tuple(values[name] for name in between) + (values[labels],),
        nodes=tuple(after),
        ask={"kind": "forward"},
    )
    return first, second


def _module(
    torch: Any,
    fn: Callable[..., Any],
    params: Sequence[Any],
    at: Sequence[int],
    data: Sequence[int],
) -> Any:
    """Return the model: a module that holds the parameters and takes the data."""
    size = len(params) + len(data) - 1
    # Positions as the model's function counts them, which has no labels.
    labels = data[-1]
    places = [i - (i > labels) for i in at]
    taken = [i - (i > labels) for i in data[:-1]]

    class Model(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.weights = torch.nn.ParameterList(params)
            self._held = list(params)

        def forward(self, *xs: Tensor) -> Any:
            arguments: List[Any] = [None] * size
            for i, value in list(zip(places, self._held)) + list(zip(taken, xs)):
                arguments[i] = value
            return fn(*arguments)

    return Model()


def _maker(adapter: FastaiAdapter, name: str, hyper: Mapping[str, float]) -> Callable[..., Any]:
    """Return ``opt_func`` for a Learner whose equation is the catalogue's."""
    optim, torch = adapter.fastai.optimizer, adapter.torch
    if name == "sgd":
        return optim.SGD  # type: ignore[no-any-return]
    if name == "momentum":
        return partial(optim.SGD, mom=hyper["momentum"])
    if name == "rmsprop":
        return partial(optim.RMSProp, sqr_mom=hyper["decay"], eps=hyper["eps"])
    if name in ("adam", "adamw"):
        return partial(optim.Adam, mom=hyper["beta1"], sqr_mom=hyper["beta2"], eps=hyper["eps"])
    if name == "nesterov":
        return partial(
            optim.OptimWrapper, opt=torch.optim.SGD, momentum=hyper["momentum"], nesterov=True
        )
    return partial(optim.OptimWrapper, opt=torch.optim.Adagrad, eps=hyper["eps"])
