"""A small model that servers of these tests serve."""

import pytest
from helpers.serving import save_served_model


@pytest.fixture(scope="session")
def served_model(once):
    """The folder of a binary model."""
    return once("served-model", save_served_model)
