"""Drawn probabilities lie between their knots, also where knots share a score."""

import numpy as np
import pytest

from mlops_nb.monitoring.calibration import Calibration, draw_probabilities

KNOTS = {
    "all at one score": ((0.0, 0.1, 50.0), (0.0, 0.4, 50.0)),
    "last two at one score": ((0.0, 0.1, 50.0), (0.5, 0.4, 50.0), (0.5, 0.4, 50.0)),
    "a single one": ((0.3, 0.2, 100.0),),
}


@pytest.mark.parametrize("knots", KNOTS.values(), ids=KNOTS)
def test_knots_of_equal_scores(knots):
    calibration = Calibration(
        knots,
        rate=0.3,
        error_before=0.01,
        error_by_chance=0.02,
        error_after=0.01,
    )
    scores = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    with np.errstate(all="raise"):
        drawn = draw_probabilities(calibration, scores, np.random.default_rng(0))
    assert np.isfinite(drawn).all()
    assert drawn.min() >= 0
    assert drawn.max() <= 1
