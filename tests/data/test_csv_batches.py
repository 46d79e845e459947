"""A column of a CSV file is one thing in the whole file, wherever what tells it stands."""

import gzip

import pytest

from mlops_nb.data.batches import read_batches

ROWS = 500_000  # some more than the four megabytes by which types are told


def write_codes(
    path,
    last,
):
    """Write many codes such as 10001, and one more in the last row."""
    lines = [f"{10_000 + i % 80_000},{i}" for i in range(ROWS)]
    text = "\n".join(["zip,x", *lines, f"{last},1"])
    content = text.encode()
    if path.suffix == ".gz":
        content = gzip.compress(content, 1)
    path.write_bytes(content)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
@pytest.mark.parametrize("last", ["02139", '"02139"'])
def test_zeros_at_the_end_of_a_long_file_make_texts_of_all(
    tmp_path,
    suffix,
    last,
):
    path = tmp_path / f"long{suffix}"
    write_codes(path, last)
    batches = [*read_batches(path, ["zip"])]
    assert batches[0]["zip"][0].as_py() == "10000"
    assert batches[-1]["zip"][-1].as_py() == "02139"


def test_a_zero_alone_is_a_number(tmp_path):
    path = tmp_path / "long.csv"
    write_codes(path, "0")
    batches = [*read_batches(path, ["zip"])]
    assert batches[-1]["zip"][-1].as_py() == 0.0
