"""Every sample's program computes what its workload does when it is simply called."""

import numpy as np
import pytest

from bakeoff.case import Case
from bakeoff.inputs import draw_inputs
from bakeoff.ops import OPS
from bakeoff.samples import SAMPLES
from bakeoff_reference import Tensor, ops
from bakeoff_worker.program import Program, straight_line


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.id)
def test_the_program_equals_the_workload(sample):
    program = Program.from_json(sample.program().to_json())
    case = Case("samples", sample.id, program, sample.inputs(), "float32")
    tensors = [Tensor(a) for a in draw_inputs(case).values()]
    called = sample.workload()(ops, *tensors)
    (ran,) = straight_line(program, {name: getattr(ops, name) for name in OPS})(*tensors)
    assert (ran.shape, ran.dtype) == (called.shape, called.dtype)
    np.testing.assert_array_equal(np.asarray(ran.numpy()), np.asarray(called.numpy()))
