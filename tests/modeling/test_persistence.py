"""Hostile model files: what would unpack to too much, and manifests that somebody edited."""

import io
import resource
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pandas as pd
import pytest

from mlops_nb.core.errors import UserError
from mlops_nb.core.files import file_digest, read_json, write_json
from mlops_nb.modeling.persistence import (
    dump_skops,
    load_model,
    load_skops,
    save_model,
    seal_manifest,
)
from mlops_nb.modeling.training import train_model


@pytest.fixture
def saved(tmp_path):
    """A small model in a folder."""
    random = np.random.default_rng(0)
    wind = random.normal(size=300)
    table = pd.DataFrame({"wind": wind, "late": (wind > 0).astype(int)})
    data = {"target": "late", "task": "binary", "positive": 1}
    return save_model(tmp_path / "candidate", train_model(table, data))


EDITS = {
    "threshold": 0.99,
    "baseline_threshold": 0.01,
    "classes": ["1", "0"],
    "target": "early",
    "columns": [],
    "new": 1,
}


@pytest.mark.parametrize("key", EDITS, ids=str)
def test_an_edited_manifest_is_refused(
    saved,
    key,
):
    manifest = read_json(saved / "manifest.json")
    write_json(saved / "manifest.json", manifest | {key: EDITS[key]})
    with pytest.raises(UserError, match="altered"):
        load_model(saved)


def test_a_manifest_sealed_again_is_not_the_recorded_one(saved):
    recorded = file_digest(saved)
    manifest = read_json(saved / "manifest.json")
    forged = seal_manifest(manifest | {"threshold": 0.99})
    write_json(saved / "manifest.json", forged)
    with pytest.raises(UserError, match="another one"):
        load_model(saved, recorded)


def test_the_pinned_champion_must_be_the_pinned_one(
    saved,
    tmp_path,
    monkeypatch,
):
    saved.rename(tmp_path / "champion")
    champion = tmp_path / "project" / "data" / "champion"
    champion.parent.mkdir(parents=True)
    (tmp_path / "champion").rename(champion)
    (tmp_path / "project" / "dvc.yaml").write_text("stages: {}")
    pinned = {"champion": {"md5": "0" * 32 + ".dir"}}
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr(
        "mlops_nb.modeling.persistence.read_params", lambda: pinned, raising=True
    )
    with pytest.raises(UserError, match="another one"):
        load_model(champion)
    pinned["champion"]["md5"] = file_digest(champion)
    assert load_model(champion).target == "late"


BOMB = """
import io, resource, sys, zipfile
from mlops_nb.core.errors import UserError
from mlops_nb.modeling.persistence import load_skops
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    load_skops(open(sys.argv[1], "rb").read(), "model.skops")
except UserError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1000)
"""


def write_bomb(path):
    """Write 1.6 MB that unpack to 1.6 GB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", "{}")
        for number in range(25):
            archive.writestr(f"{number}.npy", bytes(2**26))


def test_what_unpacks_to_too_much_is_refused_before(tmp_path):
    write_bomb(tmp_path / "bomb")
    done = subprocess.run(
        [sys.executable, "-c", BOMB, tmp_path / "bomb"], capture_output=True, text=True
    )
    *said, megabytes = done.stdout.strip().split("\n")
    assert (tmp_path / "bomb").stat().st_size < 2e6
    assert "256 MiB" in said[0]
    assert int(megabytes) < 100


def lie_about_sizes(
    data,
    listed,
    checksum=None,
):
    """Let the zip's list of contents give another size for its first member."""
    lying = bytearray(data)
    entry = lying.rfind(b"PK\x01\x02")
    if checksum is not None:
        lying[entry + 16 : entry + 20] = checksum.to_bytes(4, "little")
    lying[entry + 24 : entry + 28] = listed.to_bytes(4, "little")
    return bytes(lying)


def pack_zeros(
    size,
    compression=zipfile.ZIP_DEFLATED,
):
    """A zip with one member, of as many zeros."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("schema.json", bytes(size))
    return buffer.getvalue()


@pytest.mark.parametrize("listed", [9, 2**20 - 1, 2**20 + 1], ids=str)
@pytest.mark.parametrize("has_its_checksum", [True, False], ids=["crc", "no crc"])
def test_a_list_of_contents_that_lies_is_refused(
    listed,
    has_its_checksum,
):
    checksum = zlib.crc32(bytes(listed)) if has_its_checksum else None
    lying = lie_about_sizes(pack_zeros(2**20), listed, checksum)
    with pytest.raises(UserError, match=f"{listed:,} bytes|CRC"):
        load_skops(lying)


def test_what_unpacks_to_much_more_than_listed_is_not_unpacked(tmp_path):
    """A gigabyte in a megabyte, of which the list of contents says nine bytes."""
    bomb = lie_about_sizes(pack_zeros(2**30), 9, zlib.crc32(bytes(9)))
    (tmp_path / "bomb").write_bytes(bomb)
    done = subprocess.run(
        [sys.executable, "-c", BOMB, tmp_path / "bomb"], capture_output=True, text=True
    )
    *said, megabytes = done.stdout.strip().split("\n")
    assert "9 bytes that are listed" in " ".join(said)
    assert int(megabytes) < 100


@pytest.mark.parametrize(
    "compression",
    [
        pytest.param(zipfile.ZIP_BZIP2, id="bzip2"),
        pytest.param(zipfile.ZIP_LZMA, id="lzma"),
    ],
)
def test_what_cannot_be_unpacked_piece_by_piece_is_refused(compression):
    with pytest.raises(UserError, match="neither stored nor deflated"):
        load_skops(pack_zeros(99, compression))


def test_an_array_that_claims_more_than_there_is_is_refused():
    honest = zipfile.ZipFile(io.BytesIO(dump_skops(np.zeros(4))))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in honest.namelist():
            content = honest.read(name).replace(b"(4,), }", b"(4" + b"0" * 4 + b",), }")
            archive.writestr(name, content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match="skops file"):
        load_skops(buffer.getvalue())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
