"""What a stage prints: it costs the same a line, whatever it is, and can be interrupted."""

import base64
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from helpers.toy import HOME, WRITE, project
from hypothesis import given, settings, strategies

from mlops_nb.pipeline.capture import OutputRecorder
from mlops_nb.pipeline.environment import STAGE_ENVIRONMENT
from mlops_nb.pipeline.scrub import merge_streams, scrub_notebook

IN_STAGE = os.environ | STAGE_ENVIRONMENT | {"PYTHONPATH": str(HOME)}


def start(top):
    return subprocess.Popen(
        [sys.executable, "-m", "mlops_nb", "run", "toy"],
        cwd=top,
        env=IN_STAGE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def scrub_outputs(outputs):
    """Return the outputs of a cell as a run leaves them."""
    cell = {"cell_type": "code", "metadata": {}, "source": "1", "outputs": outputs}
    scrubbed = scrub_notebook({"cells": [cell | {"execution_count": 1}]})
    return scrubbed["cells"][1]["outputs"]


def record(lines):
    """Record what `print` writes of so many lines, and scrub it; returns the CPU seconds."""
    begun = time.process_time()
    outputs = []
    recorder = OutputRecorder()
    recorder.start_cell(outputs)
    for number in range(lines):
        stream = "stderr" if number % 10 == 9 else "stdout"
        recorder.add_text(stream, f"line {number}")
        recorder.add_text(stream, "\n")
    scrub_outputs(outputs)
    return time.process_time() - begun


def test_ten_times_as_many_lines_cost_about_ten_times_as_much():
    record(10)
    few = min(record(2_000) for _ in range(3))
    assert record(20_000) < 40 * few  # were each to look at all before it, a hundred


BASE64 = base64.b64encode(bytes(range(256)) * 4_000).decode()
LONG_LINES = {
    "no space": "x" * 300_000,
    "many slashes": BASE64,
    "paths": "/a/b" * 100_000,
}
LONG_LINES["a progress bar"] = "\r".join(map(str, range(50_000)))
LONG_LINES["colours"] = "\x1b[31mx" * 50_000
LONG_LINES["table ids"] = " ".join(f"T_{number:05x}" for number in range(20_000))


@pytest.mark.parametrize("text", LONG_LINES.values(), ids=LONG_LINES)
def test_one_long_line_is_no_burden(text):
    begun = time.process_time()
    scrub_outputs([{"output_type": "stream", "name": "stdout", "text": text}])
    assert time.process_time() - begun < 5


PRINT_HALF = "print('half of a character: \\ud800 whole: 😀')\n"


@pytest.fixture(scope="module")
def printed_half(tmp_path_factory):
    """A stage that has printed a lone surrogate, and what it said."""
    top = project(tmp_path_factory.mktemp("half"), WRITE + PRINT_HALF)
    process = start(top)
    said = process.communicate(timeout=120)
    return top, process.returncode, b"".join(said).decode()


def test_half_a_character_loses_no_output(printed_half):
    top, code, said = printed_half
    assert code == 0, said
    assert (top / "data" / "out" / "a.txt").read_text() == "new"


def test_half_a_character_is_spelled_out(printed_half):
    top, _, _ = printed_half
    notebook = json.loads((top / "reports" / "toy.ipynb").read_text("utf-8"))
    text = notebook["cells"][-1]["outputs"][0]["text"]
    assert text == "half of a character: \\ud800 whole: 😀\n"
    assert "\\ud800 whole: 😀" in (top / "reports" / "toy.html").read_text("utf-8")


def test_a_stage_that_fails_with_half_a_character_leaves_its_page(tmp_path):
    top = project(tmp_path, "raise ValueError('half: \\ud800')")
    process = start(top)
    said = b"".join(process.communicate(timeout=120)).decode()
    assert process.returncode == 1
    assert "Traceback" not in said
    assert "half:" in (top / ".mlops" / "failed" / "toy.html").read_text("utf-8")


PRINT_FOR_EVER = """
import pathlib
pathlib.Path('begun').touch()
i = 0
while True:
    print('line', i)
    i += 1
"""


def test_a_stage_that_prints_for_ever_obeys_sigterm(tmp_path):
    top = project(tmp_path, PRINT_FOR_EVER)
    process = subprocess.Popen(
        [sys.executable, "-m", "mlops_nb", "run", "toy"],
        cwd=top,
        env=IN_STAGE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (top / "begun").exists() and process.poll() is None:
        time.sleep(0.1)
    time.sleep(3)
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(60) != 0
    finally:
        process.kill()
    assert not (top / "data").exists()


texts = strategies.text(strategies.characters(), max_size=40)
streams = strategies.sampled_from(["stdout", "stderr"])


@settings(max_examples=200, deadline=None)
@given(strategies.lists(strategies.tuples(streams, texts), max_size=8))
def test_nothing_printed_is_lost_or_changed(written):
    outputs = []
    recorder = OutputRecorder()
    recorder.start_cell(outputs)
    for stream, text in written:
        recorder.add_text(stream, text)
    merged = {output["name"]: output["text"] for output in merge_streams(outputs)}
    for stream in ("stdout", "stderr"):
        whole = "".join(text for name, text in written if name == stream)
        assert merged.get(stream, "") == whole


anything = strategies.text(strategies.characters(exclude_categories=()), max_size=60)


@settings(max_examples=300, deadline=None)
@given(anything)
def test_what_a_run_leaves_can_be_written_and_read_back(text):
    shown = {
        "data": {"text/plain": text, "text/html": text},
        "metadata": {"said": text},
    }
    outputs = [{"output_type": "display_data", **shown}]
    outputs.append({"output_type": "stream", "name": "stdout", "text": text})
    scrubbed = scrub_outputs(outputs)
    written = json.dumps(scrubbed, ensure_ascii=False).encode("utf-8")
    assert json.loads(written) == scrubbed
    assert scrub_outputs(scrubbed) == scrubbed
