"""Student's t agrees with SciPy over all the degrees of freedom we meet."""

import pytest
from scipy import special, stats

from bakeoff.student import beta_quantile, incomplete_beta, t_cdf, t_quantile


@pytest.mark.parametrize("df", [1, 2, 3, 4, 7, 9, 19, 40, 199, 2.5])
@pytest.mark.parametrize("p", [0.0005, 0.025, 0.3, 0.5, 0.9, 0.975, 0.995, 0.9999])
def test_quantile_equals_scipy(p: float, df: float) -> None:
    assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("t", [-40.0, -2.0, -0.1, 0.0, 0.7, 3.0, 12.0])
def test_cdf_equals_scipy(t: float) -> None:
    for df in (1, 4, 30):
        assert t_cdf(t, df) == pytest.approx(stats.t.cdf(t, df), rel=1e-10, abs=1e-15)


@pytest.mark.parametrize("x", [0.0, 1e-9, 0.2, 0.5, 0.9, 1.0])
def test_incomplete_beta_equals_scipy(x: float) -> None:
    assert incomplete_beta(2.5, 0.5, x) == pytest.approx(special.betainc(2.5, 0.5, x), rel=1e-12)


def test_what_is_outside_the_domain_is_refused() -> None:
    with pytest.raises(ValueError, match="0 < p < 1"):
        t_quantile(1.0, 3)
    with pytest.raises(ValueError, match="0 to 1"):
        incomplete_beta(1, 1, 1.5)


@pytest.mark.parametrize(("a", "b"), [(1, 1), (2, 7), (12, 1), (30, 12)])
@pytest.mark.parametrize("p", [0.025, 0.5, 0.975])
def test_beta_quantile_equals_scipy(p: float, a: float, b: float) -> None:
    assert beta_quantile(p, a, b) == pytest.approx(stats.beta.ppf(p, a, b), rel=1e-9)
