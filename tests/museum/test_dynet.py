"""What DyNet's adapter refuses before a graph is built; DyNet itself is not needed."""

import pytest

from bakeoff_dynet.adapter import refuses_empty

# op, shapes of the arguments, shape of the result, refused
EMPTY = (
    ("exp", ((0, 4),), (0, 4), False),
    ("add", ((0, 4), (0, 4)), (0, 4), False),
    ("add", ((0, 4), (1, 4)), (0, 4), True),
    ("bias_add", ((0, 4), (4,)), (0, 4), False),
    ("getitem", ((3, 4),), (0, 4), True),  # which would end the process
    ("getitem", ((3, 4),), (1, 4), False),
    ("mean", ((3, 0),), (3,), True),
    ("matmul", ((3, 0), (0, 4)), (3, 4), False),
)


@pytest.mark.parametrize(
    ("op", "of", "to", "refused"), EMPTY, ids=lambda v: str(v).replace(" ", "")
)
def test_sizes_of_zero_are_refused_where_dynet_fails(
    op: str, of: tuple[tuple[int, ...], ...], to: tuple[int, ...], refused: bool
) -> None:
    assert refuses_empty(op, of, to) is refused
