import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recohort.estimators.percent_change import ChangeDefinition, percent_change

BEFORE, AFTER = [10.0, 20.0, 40.0], [5.0, 20.0, 10.0]


@pytest.mark.parametrize(
    ("definition", "by_hand"),
    [
        ("of_means", -50.0),
        ("of_medians", -50.0),
        ("mean_of_changes", (-50 + 0 - 75) / 3),
        ("median_of_changes", -50.0),
        ("of_geometric_means", 100 * ((0.5 * 1 * 0.25) ** (1 / 3) - 1)),
    ],
)
def test_each_definition_by_hand(definition, by_hand):
    ours = percent_change(BEFORE, AFTER, ChangeDefinition(definition))
    assert float(ours) == pytest.approx(by_hand)


def test_definitions_can_disagree_in_sign():
    before, after = [1.0, 100.0], [3.0, 50.0]
    assert percent_change(before, after, ChangeDefinition.OF_MEANS) < 0
    assert percent_change(before, after, ChangeDefinition.MEAN_OF_CHANGES) > 0


positive = st.lists(st.floats(0.1, 100), min_size=3, max_size=3)


@settings(max_examples=60, deadline=None)
@given(positive, st.floats(0.1, 5), st.sampled_from(list(ChangeDefinition)))
def test_a_common_factor_is_the_change_under_every_definition(before, factor, definition):
    after = np.array(before) * factor
    ours = percent_change(before, after, definition)
    assert float(ours) == pytest.approx(100 * (factor - 1), abs=1e-9)
    both = percent_change([before, before], [after, after], definition)
    np.testing.assert_allclose(both, ours)


def test_centre_of_zero_is_refused():
    with pytest.raises(ValueError, match="before: got a centre of 0"):
        percent_change([-1.0, 1.0], [1.0, 2.0], ChangeDefinition.OF_MEANS)
