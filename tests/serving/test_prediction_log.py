"""What was answered is in the log exactly once, whoever dies."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter

import pytest
from pyarrow import parquet

from mlops_nb.serving.log_segments import (
    close_abandoned,
    close_segment,
    list_segments,
    read_lines,
)
from mlops_nb.serving.prediction_log import (
    LogSettings,
    Prediction,
    PredictionLog,
    remove_old_days,
    tell_time,
)

WRITER = """
import sys
from pathlib import Path
from mlops_nb.serving.prediction_log import LogSettings, Prediction, PredictionLog, tell_time

log = PredictionLog(Path(sys.argv[1]), LogSettings(rows_of_segment=40, sync_seconds=0.01))
log.start()
for number in range(100_000):
    name = f"{sys.argv[2]}-{number}"
    row = Prediction(name, 0, tell_time(), "v1", "champion", "d", None, [0.5], "late", 0.1)
    if log.append([row]):
        print(name, flush=True)
"""


def prediction(name):
    return Prediction(
        name, 0, tell_time(), "v1", "champion", "d", '{"x":1}', [0.5], "late", 0.1
    )


def ids_in(folder):
    """Count how often each id is in a log."""
    found = Counter()
    for segment in list_segments(folder):
        if segment.suffix == ".parquet":
            found.update(parquet.read_table(segment)["id"].to_pylist())
        else:
            found.update(line["id"] for line in read_lines(segment))
    return found


def kill_after(
    folder,
    name,
    answers,
):
    """Kill a writer with -9 once it has answered so often; return all that it answered."""
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(folder), name],
        stdout=subprocess.PIPE,
        text=True,
    )
    answered = [writer.stdout.readline().strip() for _ in range(answers)]
    writer.send_signal(signal.SIGKILL)
    answered += writer.stdout.read().split("\n")
    writer.wait()
    return [each for each in answered if each]


def test_a_killed_process_has_written_each_answer_once(tmp_path):
    answered = kill_after(tmp_path, "a", 130)
    found = ids_in(tmp_path)
    assert set(answered) <= set(found)
    assert set(found.values()) == {1}


def test_what_the_dead_have_left_is_closed_once(tmp_path):
    answered = kill_after(tmp_path, "a", 70) + kill_after(tmp_path, "b", 70)
    PredictionLog(tmp_path).start().stop()
    found = ids_in(tmp_path)
    assert {path.suffix for path in list_segments(tmp_path)} == {".parquet"}
    assert set(answered) <= set(found)
    assert set(found.values()) == {1}


def test_a_closer_that_was_killed_leaves_no_row_twice(tmp_path):
    log = PredictionLog(tmp_path).start()
    log.append([prediction("a")])
    open_segment = next(list_segments(tmp_path))
    content = open_segment.read_bytes()
    log.stop()
    open_segment.write_bytes(content)
    assert ids_in(tmp_path) == {"a": 1}
    close_abandoned(tmp_path)
    assert not open_segment.exists()
    assert ids_in(tmp_path) == {"a": 1}


def test_a_segment_that_is_written_is_closed_by_nobody_else(tmp_path):
    log = PredictionLog(tmp_path).start()
    log.append([prediction("a")])
    assert close_segment(next(list_segments(tmp_path))) is None
    log.append([prediction("b")])
    log.stop()
    assert ids_in(tmp_path) == {"a": 1, "b": 1}


def test_threads_write_side_by_side(tmp_path):
    log = PredictionLog(tmp_path, LogSettings(rows_of_segment=30, sync_seconds=0.005))
    log.start()

    def write(start):
        for number in range(start, start + 100):
            log.append([prediction(str(number)), prediction(str(number))])

    threads = [threading.Thread(target=write, args=(start,)) for start in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.stop()
    found = ids_in(tmp_path)
    assert found == dict.fromkeys(map(str, range(300)), 2)
    assert log.written == 600


@contextlib.contextmanager
def files_limited_to(size):
    """Let no file of this process grow beyond a size: as on a full disk, a line is cut."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_full_disk_loses_whole_lines_and_counts_them(tmp_path):
    log = PredictionLog(tmp_path).start()
    log.append([prediction("a")])
    size = next(list_segments(tmp_path)).stat().st_size
    with files_limited_to(size + 10):
        assert not log.append([prediction("b")])
    assert log.append([prediction("c")])
    log.stop()
    assert ids_in(tmp_path) == {"a": 1, "c": 1}
    assert log.lost == 1


def are_all_closed(folder):
    """Say whether a log has segments, and all of them are Parquet."""
    segments = list(list_segments(folder))
    return bool(segments) and {path.suffix for path in segments} == {".parquet"}


def test_a_full_disk_stops_nobody_who_looks_after_the_log(tmp_path):
    settings = LogSettings(rows_of_segment=1, sync_seconds=0.01)
    log = PredictionLog(tmp_path, settings).start()
    with files_limited_to(1000):  # room for a line, none for Parquet
        assert log.append([prediction("a")])
        time.sleep(0.3)
        assert not are_all_closed(tmp_path)
    assert log.append([prediction("b")])
    end = time.monotonic() + 20
    while not are_all_closed(tmp_path) and time.monotonic() < end:
        time.sleep(0.05)
    assert are_all_closed(tmp_path)
    log.stop()
    assert ids_in(tmp_path) == {"a": 1, "b": 1}


def test_a_log_starts_and_ends_on_a_full_disk(tmp_path):
    first = PredictionLog(tmp_path).start()
    first.append([prediction("a")])
    with files_limited_to(1000):
        first.stop()
        second = PredictionLog(tmp_path).start()
        assert second.append([prediction("b")])
        second.stop()
    PredictionLog(tmp_path).start().stop()
    assert are_all_closed(tmp_path)
    assert ids_in(tmp_path) == {"a": 1, "b": 1}


def test_a_damaged_segment_stays_and_stops_nobody(tmp_path):
    day = tmp_path / "2026-01-31"
    day.mkdir()
    damaged = day / "1-0.jsonl"
    damaged.write_bytes(b"\x00\x00 no line\n")
    log = PredictionLog(tmp_path).start()
    assert log.append([prediction("a")])
    log.stop()
    assert damaged.read_bytes() == b"\x00\x00 no line\n"


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        pytest.param(b"", 0, id="empty"),
        pytest.param(b'{"id":"a"', 0, id="half a line"),
        pytest.param(b'{"id":"a"}\n{"id":', 1, id="a line and a half"),
    ],
)
def test_half_a_line_was_never_answered(
    tmp_path,
    content,
    rows,
):
    path = tmp_path / "1-0.jsonl"
    path.write_bytes(content)
    assert len(read_lines(path)) == rows


def test_a_folder_that_is_no_log_is_left_alone(tmp_path):
    (tmp_path / "2020-01-01").mkdir()
    assert remove_old_days(tmp_path, 1, "2026-11-28") == []
    assert (tmp_path / "2020-01-01").exists()


def test_only_whom_the_server_runs_as_reads_what_was_asked(tmp_path):
    log = PredictionLog(tmp_path).start()
    log.append([prediction("a")])
    day = next(list_segments(tmp_path)).parent
    log.stop()
    assert os.stat(day).st_mode & 0o077 == 0
