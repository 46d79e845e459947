"""No message is lost when a target is down or the process is killed, and hardly one comes twice."""

import os
import signal
import subprocess
import threading
import time

import pytest
from helpers.alert_project import FAST, auc_drop, drift
from helpers.receivers import hook_address, start_hook, stop, titles

from mlops_nb.publishing.alerts import announce_findings
from mlops_nb.publishing.metrics_export import export_prometheus
from mlops_nb.publishing.outbox import read_alert_log


@pytest.fixture
def down(
    here,
    hook,
    monkeypatch,
):
    """Return the port of a target that is down, while the other is up."""
    server = start_hook()
    stop(server)
    monkeypatch.setenv("A_DOWN", hook_address(server.server_port))
    here.settings("A_HOOK, A_DOWN")
    here.monitored(drift())
    return server.server_port


def test_what_a_target_that_is_down_did_not_get_is_kept(
    here,
    down,
    capfd,
):
    got = announce_findings(**FAST)
    assert got.delivered == 1
    assert got.waiting == 1
    assert got.failed == (("A_DOWN", "the connection was refused"),)
    out, err = capfd.readouterr()
    assert "A_DOWN: the connection was refused" in err
    assert out == ""
    assert here.outbox()[0]["to"] == ["A_DOWN"]
    log = read_alert_log()
    assert [entry["delivered"] for entry in log] == [False]
    assert [entry["waiting"] for entry in log] == [["A_DOWN"]]


@pytest.fixture
def up_again(
    here,
    down,
):
    """Announce two findings while a target is down; return it when it is up again."""
    announce_findings(**FAST)
    here.monitored(drift(), auc_drop())
    announce_findings(**FAST)
    announce_findings(**FAST)
    assert "mlops_nb_alerts_waiting 2" in export_prometheus()
    server = start_hook(down)
    yield server
    stop(server)


def test_target_down_then_up(
    here,
    hook,
    up_again,
):
    got = announce_findings(**FAST)
    assert got.delivered == 2
    assert got.waiting == 0
    assert got.events == ()
    assert got.failed == ()
    assert here.outbox() == []
    in_order = [
        "new finding, drift.price (watch)",
        "new finding, quality.drop.auc (act)",
    ]
    assert titles(up_again) == in_order
    assert titles(hook) == in_order  # nothing twice
    assert [entry["delivered"] for entry in read_alert_log()] == [True, True]


class Killed(BaseException):
    """Ends a process, as a signal would."""


class KillAtWrite:
    """Stands for `os.replace`: kills at the write of a number, before it or after it."""

    def __init__(
        self,
        number: int,
        after: bool,
    ):
        """Take the number of the write, and on which side of it."""
        self.real = os.replace
        self.number = number
        self.after = after
        self.written = 0

    def __call__(
        self,
        source,
        target,
    ) -> None:
        """Write, unless it is time to die."""
        if self.written >= self.number and not self.after:
            raise Killed  # also in the thread that delivers
        self.real(source, target)
        self.written += 1
        if self.written > self.number:
            raise Killed


def announce_and_be_killed(
    monkeypatch,
    kill: KillAtWrite,
) -> bool:
    """Announce; return whether it was killed."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", kill)
        patch.setattr(
            threading, "excepthook", str
        )  # the thread that is killed prints nothing
        try:
            announce_findings(**FAST)
        except Killed:
            return True
    return False


def both_arrived(
    hook,
    number,
):
    """Both findings arrived, one of them twice at most, and the log says so."""
    both = {"new finding, drift.price (watch)", "new finding, drift.size (watch)"}
    assert {*titles(hook)} == both, number
    assert len(hook.got) <= 3, (number, titles(hook))
    last = [(entry["finding"], entry["delivered"]) for entry in read_alert_log()[-2:]]
    assert {*last} == {("drift.price", True), ("drift.size", True)}


def begin_again(
    here,
    hook,
):
    """Let both findings clear, then appear."""
    hook.got.clear()
    here.monitored()
    announce_findings(**FAST)
    hook.got.clear()
    here.monitored(drift(), drift("size"))


def test_killed_at_every_write_loses_nothing(
    here,
    hook,
    monkeypatch,
):
    """Each place where a file is put in place is one to be killed at; then it runs again."""
    here.settings("A_HOOK", prometheus=".mlops/m.prom")
    points = 0
    for after in (False, True):
        for number in range(100):
            begin_again(here, hook)
            killed = announce_and_be_killed(monkeypatch, KillAtWrite(number, after))
            assert announce_findings(**FAST).waiting == 0, number
            both_arrived(hook, number)
            points += killed
            if not killed:
                break
    assert points >= 12
    print(f"{points} kill points")


def test_killed_by_signal_between_sending_and_saving(
    here,
    hook,
):
    """SIGKILL when the message has arrived and the sender does not know it yet."""
    running = []

    def answer(_post):
        if running:
            os.kill(running.pop(), signal.SIGKILL)
        return 200

    hook.answer = answer
    here.settings("A_HOOK")
    here.monitored(drift(), drift("size"))
    address = hook_address(hook.server_port)
    code = "__import__('sys').stdin.readline(), announce(tries=1)"
    first = here.start(code, stdin=subprocess.PIPE, A_HOOK=address)
    running.append(first.pid)
    first.communicate("\n", timeout=60)
    assert first.returncode == -signal.SIGKILL
    assert len(hook.got) == 1
    here.monitored()  # gone meanwhile: both still have to be told, in order
    again = here.start("announce(tries=2, wait=.02, limit=20)", A_HOOK=address)
    out, err = again.communicate(timeout=60)
    assert "4 delivered, 0 waiting" in out, out + err
    new = [
        f"new finding, drift.{column} (watch)" for column in ("price", "price", "size")
    ]
    cleared = [f"resolved, drift.{column} (watch)" for column in ("price", "size")]
    assert titles(hook) == new + cleared


def test_two_at_once_send_once(
    here,
    hook,
):
    def slow(_post):
        time.sleep(0.1)
        return 200

    hook.answer = slow
    here.settings("A_HOOK")
    here.monitored(drift(), drift("size"))
    both = [threading.Thread(target=announce_findings, kwargs=FAST) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(hook.got) == 2
