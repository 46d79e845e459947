"""Delivery is tried again, ends in time whatever a target does, and shows no password."""

import base64
import time
from dataclasses import dataclass

import pytest
from helpers.alert_project import AlertProject, drift
from helpers.receivers import (
    QUOTED,
    SECRET,
    hook_address,
    mail_address,
    start_hook,
    start_mail,
    stop,
    titles,
)

from mlops_nb.publishing.alerts import announce_findings

# Somebody who logs everything.
LOUD = (
    "(logging := __import__('logging')).basicConfig(level=1), "
    "logging.getLogger('apprise').addHandler(logging.StreamHandler())"
)
TARGETS = ["A_DRIP", "A_MUTE", "A_BUSY", "A_REFUSE", "A_DOWN", "A_ODD", "A_UNSET"]
PLACES = ["entry 8 of alerts", "entry 9 of alerts"]  # an address where a name should be


def test_a_try_that_fails_is_repeated(
    here,
    hook,
):
    answers = iter([503, 503, 200])

    def busy(_post):
        return next(answers)

    hook.answer = busy
    here.settings("A_HOOK")
    here.monitored(drift())
    got = announce_findings(tries=2, wait=0.01)
    assert got.failed == (("A_HOOK", "it answers with HTTP 503"),)
    assert got.waiting == 1
    assert announce_findings(tries=3, wait=0.01).delivered == 1
    assert len(hook.got) == 1


def test_a_message_that_is_always_refused_does_not_hold_up_the_others(
    here,
    hook,
):
    def refuse_price(post):
        return 400 if "price" in post["title"] else 200

    hook.answer = refuse_price
    here.settings("A_HOOK")
    here.monitored(drift(), drift("size"))
    for _ in range(3):
        assert announce_findings(tries=1).delivered == 0
    assert announce_findings(tries=1).delivered == 1
    assert titles(hook) == ["new finding, drift.size (watch)"]
    assert len(here.outbox()) == 1


@dataclass(frozen=True)
class Failed:
    """A process that had every way to fail."""

    project: AlertProject
    code: int
    seconds: float
    out: str
    err: str

    @property
    def reasons(self) -> dict[str, str]:
        """Return what it says of each target."""
        told = [line for line in self.err.splitlines() if line.startswith("alert: ")]
        return dict(line.partition("alert: ")[2].split(": ", 1) for line in told)


@pytest.fixture
def servers():
    """Return a server that never stops answering, one that says nothing, and two that refuse."""

    def busy(_post):
        return 503

    started = {
        "drip": start_hook(drip=True),
        "busy": start_hook(answer=busy),
        "mute": start_mail(mute=30),
        "refuse": start_mail(),
    }
    yield started
    for server in started.values():
        stop(server)


@pytest.fixture
def failed(
    here,
    servers,
):
    """Announce to targets that fail in every way there is, in a process of its own."""
    address = f"json://me:{QUOTED}@127.0.0.1/x?to=a,{QUOTED[:9]}"
    here.settings(", ".join([*TARGETS, address]))
    here.monitored(drift())
    ports = {name: server.server_address[1] for name, server in servers.items()}
    addresses = {
        "A_DRIP": hook_address(ports["drip"]),
        "A_MUTE": mail_address(ports["mute"]),
        "A_REFUSE": mail_address(ports["refuse"]).replace("3%2Fx", "3%2Fy"),
        "A_BUSY": hook_address(ports["busy"]),
        "A_DOWN": hook_address(1),
        "A_ODD": f"nosuchservice://me:{QUOTED}@host/{QUOTED}",
    }
    begun = time.monotonic()
    process = here.start(f"{LOUD}, announce(tries=2, wait=.02, limit=5)", **addresses)
    out, err = process.communicate(timeout=60)
    return Failed(here, process.returncode, time.monotonic() - begun, out, err)


def test_bounded_time_and_no_secret_anywhere(failed):
    assert failed.code == 0, failed.err
    assert failed.seconds < 15, failed.err
    every_target_is_named_with_its_reason(failed.reasons)
    (message,) = failed.project.outbox()
    assert message["sent"] == []
    assert len(message["to"]) == 9
    no_secret_is_anywhere(failed)


def every_target_is_named_with_its_reason(reasons):
    """Each says why, by its name alone."""
    assert {*reasons} == {*TARGETS, *PLACES}
    assert "HTTP 503" in reasons["A_BUSY"]
    assert "refused" in reasons["A_DOWN"]
    assert "not finished within 5 s" in reasons["A_DRIP"]
    assert "user and password" in reasons["A_REFUSE"]
    assert "not shown" in reasons["A_ODD"]
    assert "set A_UNSET" in reasons["A_UNSET"]
    assert "names of environment variables" in reasons["entry 8 of alerts"]


def no_secret_is_anywhere(failed):
    """Neither what it prints nor what it writes has the password, plain or encoded."""
    (
        failed.project.top / "settings.ini"
    ).unlink()  # the only file in which somebody wrote it
    login = base64.b64encode(f"me:{SECRET}".encode()).decode()
    written = b"\n".join(failed.project.contents().values())
    for part in ("tr0ub4dor", "dHIwdWI0ZG9y", login):
        assert part not in failed.out + failed.err
        assert part.encode() not in written
