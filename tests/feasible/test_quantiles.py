"""Places of quantiles against the estimators, which compute in floating point."""

from __future__ import annotations

import pytest

from recohort.estimators.summary import QuantileDefinition, quantile_position
from recohort.feasible.quantiles import quantile_readings

PROBABILITY = {"q1": 0.25, "median": 0.5, "q3": 0.75}


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7, 8, 20, 21, 64, 91, 5_000])
def test_every_definition_of_the_estimators_is_read(n: int) -> None:
    readings = quantile_readings(n, ("median", "q1", "q3"), typed_median=True)
    known = [
        {k: (p.lower - 1 + float(p.weight)) for k, p in reading.places} for reading in readings
    ]
    for definition in QuantileDefinition:
        if definition is QuantileDefinition.MOORE_MCCABE and n < 2:
            continue
        wanted = {}
        for name, p in PROBABILITY.items():
            place = quantile_position(n, p, definition)
            wanted[name] = place.lower + place.weight
        usual = {**wanted, "median": (n - 1) / 2}
        assert any(found == pytest.approx(wanted) for found in known)
        assert any(found == pytest.approx(usual) for found in known)


def test_equal_readings_are_merged() -> None:
    readings = quantile_readings(9, ("median",), typed_median=False)
    assert len(readings) == 2  # the middle value, and type 3's even rank
    assert len({r.places for r in quantile_readings(20, ("q1",), typed_median=True)}) == len(
        quantile_readings(20, ("q1",), typed_median=True)
    )


def test_no_observations_have_no_quantiles() -> None:
    with pytest.raises(ValueError, match="n: got 0"):
        quantile_readings(0, ("q1",), typed_median=True)
