"""Defects of toolkits that an adapter goes around: still there, or else the detour can go.

Each has a row in docs/findings.md.
"""

import json
import subprocess
from dataclasses import dataclass

import pytest
from exhibits import BACKENDS, TIMEOUT_S, Museum

from bakeoff.launch import launch_for

pytestmark = [pytest.mark.museum, pytest.mark.toolkit]


@dataclass(frozen=True, slots=True)
class Defect:
    """What a script, run in the toolkit's environment, prints, and what would be right."""

    backend: str
    name: str
    script: str
    seen: float
    right: float


NESTEROV_AG = """
import chainer, numpy
model = chainer.Chain()
with model.init_scope():
    model.w = chainer.Parameter(numpy.zeros(1))
optimizer = chainer.optimizers.NesterovAG(lr=1.0, momentum=0.5).setup(model)
model.w.grad = numpy.ones(1)
optimizer.update()
print(float(model.w.array[0]))
"""

MLX_ADAM = """
import mlx.core as mx, mlx.optimizers
mx.set_default_device(mx.cpu)
adam = mlx.optimizers.Adam(1.0, bias_correction=True, eps=0.0)
w = adam.apply_gradients({"w": mx.ones(1)}, {"w": mx.zeros(1)})["w"]
print(1e6 * (1 + w.item()))
"""

PADDLE_MATMUL = """
import paddle
a, b = paddle.ones([2, 1, 5, 6]), paddle.ones([3, 6, 4])
a.stop_gradient = b.stop_gradient = False
try:
    print(paddle.grad([paddle.matmul(a, b)], [a, b])[0].shape[0])
except ValueError:
    print(-1)
"""

MINDSPORE_NESTEROV = """
import mindspore as ms
w = ms.Parameter(ms.Tensor([0.0], ms.float32), name="w")
ms.nn.Momentum([w], 1.0, 0.5, use_nesterov=True)((ms.Tensor([1.0], ms.float32),))
print(float(w.asnumpy()[0]))
"""

MINDSPORE_NUMBER = """
import mindspore as ms
print(1e9 * float((ms.Tensor([0.0], ms.float64) + 0.1).asnumpy()[0] - 0.1))
"""

ONEFLOW_ADAM = """
import oneflow
w = oneflow.nn.Parameter(oneflow.zeros(1))
adam = oneflow.optim.Adam([w], lr=1.0, eps=0.0)
w.sum().backward()
adam.step()
print(1e6 * (1 + float(w.detach().numpy()[0])))
"""

BROADCAST_TO = """
import autograd, autograd.numpy as anp
try:
    autograd.grad(lambda x: anp.sum(anp.broadcast_to(x, (2, 3))))(anp.ones(3))
    print(0)
except AssertionError:
    print(1)
"""

WHERE = """
import autograd, autograd.numpy as anp
condition = anp.ones((4, 1)) > 0
print(autograd.grad(lambda x: anp.sum(anp.where(condition, x, 0.0)))(anp.ones(5)).ndim)
"""

TINYGRAD_ADAM = """
import os, tempfile, ziglang
clang = os.path.join(tempfile.mkdtemp(), "clang")
with open(clang, "w") as file:
    file.write('#!/bin/sh\\nexec "%s/zig" clang "$@"\\n' % os.path.dirname(ziglang.__file__))
os.chmod(clang, 0o755)
os.environ["CC"] = clang
from tinygrad import Tensor
from tinygrad.nn.optim import Adam
w = Tensor([0.0]).clone().realize()
adam = Adam([w], lr=1.0, eps=0.0)
w.grad = Tensor([1.0])
adam.step()
print(1e6 * (1 + w.item()))
"""

DYNET_RESHAPE = """
import dynet
x = dynet.inputVector([1.0, 2.0])
dynet.reshape(dynet.sum_elems(x), (1,)).backward(full=True)
print(float(x.gradient().sum()))
"""

DYNET_NUMBER = """
import dynet
x = dynet.inputVector([1.0])
try:
    print((2.0 * x).value())
except TypeError:
    print(-1)
"""

AESARA_CONV2D = """
import warnings
warnings.simplefilter("ignore")
import aesara.tensor as at
from aesara.tensor.nnet.corr import CorrMM
try:
    CorrMM()(at.ftensor4(), at.ftensor4())
    print(0)
except TypeError:
    print(1)
"""

DEFECTS = (
    Defect("autograd", "broadcast_to raises for new dimensions", BROADCAST_TO, 1, 0),
    Defect("autograd", "where gives gradients of the broadcast shape", WHERE, 2, 1),
    # The first step is -(1 + momentum) lr g: the old velocity is zero.
    Defect("chainer", "NesterovAG adds the new velocity", NESTEROV_AG, -1.75, -1.5),
    Defect("mindspore", "Momentum drops use_nesterov", MINDSPORE_NESTEROV, -1, -1.5),
    Defect("mindspore", "a number is float32 beside float64", MINDSPORE_NUMBER, 1.4901161, 0),
    Defect("oneflow", "Adam corrects the bias in float32", ONEFLOW_ADAM, -6.67572021484375, 0.0),
    Defect("aesara", "conv2d has no operator that can be built", AESARA_CONV2D, 1, 0),
    Defect("dynet", "backward from a reshape gives zeros", DYNET_RESHAPE, 0, 2),
    Defect("dynet", "a number on the left of an operator", DYNET_NUMBER, -1, 2),
    Defect("paddle", "matmul of two broadcast batches has no gradient", PADDLE_MATMUL, -1, 2),
    # The first step is -lr, whatever the gradient; in parts per million.
    Defect("tinygrad", "Adam corrects the bias in float32", TINYGRAD_ADAM, 6.616115570068359, 0.0),
    Defect("mlx", "Adam corrects the bias in float32", MLX_ADAM, 6.735324859619141, 0.0),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: f"{d.backend}-{d.name}")
def test_the_defect_is_still_there(defect: Defect, museum: Museum) -> None:
    python = museum.environment(defect.backend).python
    done = subprocess.run(
        [python, "-c", defect.script],
        env=launch_for(BACKENDS[defect.backend], str(python)).environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    got = json.loads(done.stdout.strip().splitlines()[-1])
    assert got == pytest.approx(defect.seen), f"right is {defect.right}: is it mended?"
