"""A sample page, plain and with markup in every value."""

import pytest
from helpers.report_sample import sample


@pytest.fixture(scope="session")
def plain():
    return sample()


@pytest.fixture(scope="session")
def evil():
    return sample(evil=True)
