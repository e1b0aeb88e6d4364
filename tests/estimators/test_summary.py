import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recohort.estimators.summary import (
    QuantileDefinition,
    SdDenominator,
    quantile,
    quantile_position,
    standard_deviation,
    summarise,
)

X = [3.1, 0.4, 7.7, 2.2, 2.2, 9.5, 4.8, 1.3, 6.6, 5.9]
PROBABILITIES = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1]

# R 4.2.2: for (t in 1:9) quantile(x, c(0, .1, .25, .5, .75, .9, 1), type = t, names = FALSE)
R_QUANTILES = {
    "type_1": [0.4, 0.4, 2.2, 3.1, 6.6, 7.7, 9.5],
    "type_2": [0.4, 0.85, 2.2, 3.95, 6.6, 8.6, 9.5],
    "type_3": [0.4, 0.4, 1.3, 3.1, 6.6, 7.7, 9.5],
    "type_4": [0.4, 0.4, 1.75, 3.1, 6.25, 7.7, 9.5],
    "type_5": [0.4, 0.85, 2.2, 3.95, 6.6, 8.6, 9.5],
    "type_6": [0.4, 0.49, 1.975, 3.95, 6.875, 9.32, 9.5],
    "type_7": [0.4, 1.21, 2.2, 3.95, 6.425, 7.88, 9.5],
    "type_8": [0.4, 0.73, 2.125, 3.95, 6.69166666666667, 8.84, 9.5],
    "type_9": [0.4, 0.76, 2.14375, 3.95, 6.66875, 8.78, 9.5],
}


@pytest.mark.parametrize("definition", R_QUANTILES)
def test_quantiles_agree_with_r_quantile(definition):
    ours = [float(quantile(X, p, QuantileDefinition(definition))) for p in PROBABILITIES]
    np.testing.assert_allclose(ours, R_QUANTILES[definition], rtol=1e-14)


def test_hinges_agree_with_r_fivenum():
    # R 4.2.2: fivenum(x); fivenum(x[1:9])
    for values, reference in ((X, [0.4, 2.2, 3.95, 6.6, 9.5]), (X[:9], [0.4, 2.2, 3.1, 6.6, 9.5])):
        ours = [
            quantile(values, p, QuantileDefinition.TUKEY_HINGES) for p in (0, 0.25, 0.5, 0.75, 1)
        ]
        np.testing.assert_allclose(ours, reference, rtol=1e-14)


def test_moore_mccabe_quartiles_leave_out_the_median_of_an_odd_sample():
    kind = QuantileDefinition.MOORE_MCCABE
    # Medians of {1, 2, 3} and {5, 6, 7}, and of {1, 2, 3, 4} and {5, 6, 7, 8}.
    assert [float(quantile(range(1, 8), p, kind)) for p in (0.25, 0.5, 0.75)] == [2, 4, 6]
    assert [float(quantile(range(1, 9), p, kind)) for p in (0.25, 0.5, 0.75)] == [2.5, 4.5, 6.5]


_METHODS = {
    "type_1": "inverted_cdf",
    "type_2": "averaged_inverted_cdf",
    "type_4": "interpolated_inverted_cdf",
    "type_5": "hazen",
    "type_6": "weibull",
    "type_7": "linear",
    "type_8": "median_unbiased",
    "type_9": "normal_unbiased",
}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=30),
    # Sixteenths are exact in binary, so that both programs see the same position.
    st.integers(0, 16),
    st.sampled_from(sorted(_METHODS)),
)
def test_quantiles_agree_with_numpy(values, sixteenth, definition):
    ours = quantile(values, sixteenth / 16, QuantileDefinition(definition))
    numpy_ = np.quantile(values, sixteenth / 16, method=_METHODS[definition])
    assert float(ours) == pytest.approx(float(numpy_), abs=1e-10)


@given(st.integers(2, 200), st.sampled_from(list(QuantileDefinition)))
def test_position_is_symmetric_and_inside(n, definition):
    low, high = (quantile_position(n, p, definition) for p in (0.25, 0.75))
    for place in (low, high):
        assert 0 <= place.lower <= place.upper <= n - 1
        assert 0 <= place.weight < 1
    if definition not in ("type_1", "type_3", "type_4"):
        at_low = low.lower + low.weight * (low.upper - low.lower)
        at_high = high.lower + high.weight * (high.upper - high.lower)
        assert at_low + at_high == pytest.approx(n - 1)


def test_sd_conventions_and_single_value():
    assert float(standard_deviation([2, 4, 4, 4, 5, 5, 7, 9], SdDenominator.N)) == 2.0
    assert float(standard_deviation([1, 3], SdDenominator.N_MINUS_1)) == pytest.approx(2**0.5)
    assert summarise([5.0]).sd is None
    with pytest.raises(ValueError, match="n-1"):
        standard_deviation([5.0])


def test_rows_are_summarised_along_the_last_axis():
    table = np.array([X, X[::-1], np.add(X, 1)])
    np.testing.assert_allclose(quantile(table, 0.25), [2.2, 2.2, 3.2])
