"""Chi-square, Fisher's and McNemar's tests."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from recohort.estimators.chi_square import chi_square
from recohort.estimators.fisher_exact import fisher_exact
from recohort.estimators.mcnemar import McNemarMethod, mcnemar

cells = st.lists(st.integers(0, 30), min_size=4, max_size=4)


def test_chi_square_of_agresti_2007_party_by_gender():
    # Agresti, Introduction to Categorical Data Analysis, Table 2.5: X² = 30.1 on 2 df.
    ours = chi_square([[762, 327, 468], [484, 239, 477]]).test
    assert (round(ours.statistic, 1), ours.df) == (30.1, 2)
    assert ours.p_value == pytest.approx(2.954e-07, rel=1e-3)


def test_two_by_two_agrees_with_r():
    # R 4.2.2: m <- matrix(c(3, 8, 9, 5), 2)
    # chisq.test(m); chisq.test(m, correct = FALSE); fisher.test(m)
    table = [[3, 9], [8, 5]]
    corrected = chi_square(table, continuity=True).test
    assert corrected.statistic == pytest.approx(2.06069971694972, rel=1e-12)
    assert corrected.p_value == pytest.approx(0.15114075391527, rel=1e-12)
    assert chi_square(table).test.p_value == pytest.approx(0.0659522678753344, rel=1e-12)
    assert fisher_exact(table).test.p_value == pytest.approx(0.110701305693902, rel=1e-12)


def test_two_by_three_agrees_with_r():
    # R 4.2.2: chisq.test(matrix(c(10, 20, 30, 15, 15, 5), 2))
    ours = chi_square([[10, 30, 15], [20, 15, 5]]).test
    assert ours.statistic == pytest.approx(11.2452651515151, rel=1e-12)
    assert ours.p_value == pytest.approx(0.003615111515844, rel=1e-12)


def test_fisher_1935_lady_tasting_tea():
    ours = fisher_exact([[3, 1], [1, 3]])
    assert ours.test.p_value == pytest.approx(34 / 70)
    assert ours.odds_ratio == 9


@settings(max_examples=80, deadline=None)
@given(cells, st.booleans())
def test_two_by_two_agrees_with_scipy(counts, continuity):
    table = np.array(counts).reshape(2, 2)
    ours = chi_square(table, continuity=continuity).test
    if (table.sum(axis=0) == 0).any() or (table.sum(axis=1) == 0).any():
        assert ours.p_value is None
        assert "does not exist" in ours.note
    else:
        reference = stats.chi2_contingency(table, correction=continuity)
        assert ours.statistic == pytest.approx(reference.statistic, abs=1e-9)
        assert ours.p_value == pytest.approx(reference.pvalue, abs=1e-12)
        assert ("below 5" in ours.note) == bool((reference.expected_freq < 5).any())
    if table.sum() > 0:
        # scipy sums tails of rounded probabilities: 1e-9 is its own error.
        p = fisher_exact(table).test.p_value
        assert p == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-9)
        assert p == pytest.approx(fisher_exact(table.T).test.p_value)


def test_mcnemar_agrees_with_r():
    # R 4.2.2: mcnemar.test(m); mcnemar.test(m, correct = FALSE); binom.test(5, 17)
    corrected = mcnemar(5, 12)
    assert corrected.statistic == pytest.approx(2.11764705882353)
    assert corrected.p_value == pytest.approx(0.145610095396868, rel=1e-12)
    plain = mcnemar(5, 12, McNemarMethod.CHI_SQUARE)
    assert plain.p_value == pytest.approx(0.0895550744136431, rel=1e-12)
    assert mcnemar(5, 12, McNemarMethod.EXACT).p_value == pytest.approx(0.143463134765625)


def test_mcnemar_of_fagerland_2013_airway_data():
    # Bentur et al., as in Fagerland, Lydersen and Laake, BMC Med Res Methodol 2013;13:91, Table 1
    # (b = 1, c = 7): asymptotic 0.034, with correction 0.077, exact 0.070, mid-p 0.039.
    printed = {"chi_square": 0.034, "chi_square_continuity": 0.077, "exact": 0.070, "mid_p": 0.039}
    for method, p in printed.items():
        assert round(mcnemar(1, 7, McNemarMethod(method)).p_value, 3) == p


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.sampled_from(list(McNemarMethod)))
def test_mcnemar_properties(b, c, method):
    ours = mcnemar(b, c, method)
    if b + c == 0:
        assert ours.p_value is None
        return
    assert 0 <= ours.p_value <= 1
    assert ours.p_value == pytest.approx(mcnemar(c, b, method).p_value)
    if method is McNemarMethod.EXACT:
        assert ours.p_value == pytest.approx(statsmodels_mcnemar([[1, b], [c, 1]]).pvalue)
    if method is McNemarMethod.MID_P:
        # Fagerland 2013: the exact p-value less the probability of b (half of it at b = c).
        taken = stats.binom.pmf(b, b + c, 0.5) * (0.5 if b == c else 1)
        exact = mcnemar(b, c, McNemarMethod.EXACT).p_value
        assert ours.p_value == pytest.approx(exact - taken)
