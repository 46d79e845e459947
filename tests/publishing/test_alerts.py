"""Alerts arrive once, at a real mail server and a real HTTP receiver; nothing is lost when they are down or the process is killed, and no password shows anywhere."""

import base64
import contextlib
import email
import email.policy
import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from helpers.project import ENV, ROOT

from mlops_nb.core.files import write_json
from mlops_nb.core.messages import VERDICT_LEVELS, Message
from mlops_nb.monitoring.findings import Finding
from mlops_nb.publishing.alerts import announce_findings
from mlops_nb.publishing.metrics_export import export_prometheus
from mlops_nb.publishing.outbox import ALERT_LOG_PATH, ALERT_STATE_PATH, read_alert_log

apprise = pytest.importorskip("apprise", reason="no apprise: pip install 'mlops_nb[alerts]'")
SECRET = "tr0ub4dor&3/x"
QUOTED = "tr0ub4dor%263%2Fx"
FAST = {"tries": 2, "wait": 0.02, "limit": 20}


class Mail(socketserver.StreamRequestHandler):
    """As much of SMTP as a mail needs, with a login; what came in is in `server.got`, who logged in in `server.users`."""

    def handle(self):
        def say(line):
            return self.wfile.write(line.encode() + b"\r\n")

        if self.server.mute:
            time.sleep(self.server.mute)
            return
        say("220 sink")
        while line := self.rfile.readline().decode().strip():
            verb, _, rest = line.partition(" ")
            verb = verb.upper()
            if verb == "EHLO":
                say("250-sink"), say("250 AUTH PLAIN")
            elif verb == "AUTH":
                _, user, password = base64.b64decode(rest.split()[1]).split(b"\0")
                ok = password.decode() == SECRET
                self.server.users.append(user.decode())
                say("235 in" if ok else "535 no")
            elif verb == "DATA":
                say("354 go")
                lines = []
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(part)
                self.server.got.append(
                    email.message_from_bytes(b"".join(lines), policy=email.policy.default)
                )
                say("250 kept")
            else:
                say("221 bye" if verb == "QUIT" else "250 ok")
            if verb == "QUIT":
                return


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted as {title, message, type}; `server.answer(post)` gives the status."""

    def do_POST(self):
        got = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.answer(got)
        if status == 200:
            self.server.got.append(got)
        self.send_response(status)
        self.end_headers()
        with contextlib.suppress(OSError):
            while status == 200 and self.server.drip:
                self.wfile.write(b"."), self.wfile.flush(), time.sleep(0.2)

    def log_message(self, *a):
        pass


def start(kind, handler, port=0, **more):
    kind = type(
        "Server",
        (kind,),
        {"allow_reuse_address": True, "daemon_threads": True, "block_on_close": False},
    )
    server = kind(("127.0.0.1", port), handler)
    vars(server).update(
        {"got": [], "users": [], "mute": 0, "drip": False, "answer": lambda post: 200} | more
    )
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


def stop(server):
    server.shutdown(), server.server_close()


@pytest.fixture
def mail():
    yield (server := start(socketserver.ThreadingTCPServer, Mail))
    stop(server)


@pytest.fixture
def hook():
    yield (server := start(ThreadingHTTPServer, Hook))
    stop(server)


def mail_address(port):
    return f"mailto://me:{QUOTED}@127.0.0.1:{port}?smtp=127.0.0.1&mode=insecure&from=a@example.com&to=b@example.com"


def hook_address(port):
    return f"json://me:{QUOTED}@127.0.0.1:{port}/in/{QUOTED}"


def drift(column="price", value=0.15, limit=0.1, severity="watch"):
    return Finding(
        f"drift.{column}",
        "drift",
        column,
        value,
        limit,
        severity,
        Message(
            "monitor.drift",
            column=column,
            value=value,
            limit=limit,
            source=Message("monitor.from_learned", spans=12),
            matter=Message("monitor.matters", effect=0.03),
        ),
    )


def auc(value=0.65, severity="act"):
    return Finding(
        "quality.drop.auc",
        "quality",
        "auc",
        value,
        0.684,
        severity,
        Message(
            "monitor.drop",
            metric="auc",
            value=value,
            n=900,
            before=0.76,
            limit=0.684,
            low=0.6,
            high=0.67,
        ),
    )


class Project:
    """Four files: enough for alerts."""

    def __init__(self, top):
        self.top = top
        (top / "data").mkdir(parents=True)
        (top / "dvc.yaml").write_text("stages: {}\n")
        self.open("2013-04")
        self.settings("")

    def open(self, window):
        rest = "".join(
            f"{s}: {{}}\n" for s in ("features", "preprocess", "train", "evaluate", "monitor")
        )
        (self.top / "params.yaml").write_text(
            f"data: {{period: M, as_of: null}}\nwindows: {{current: {{start: '{window}', end: '{window}'}}}}\nchampion: {{version: v1.0.0}}\n{rest}"
        )

    def settings(self, alerts, **more):
        lines = {
            "title": "Late flights",
            "base_url": "https://example.com/flights/",
            "alerts": alerts,
        } | more
        (self.top / "settings.ini").write_text(
            "[all]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items())
        )

    def monitored(self, *findings, metrics=None, scored=900):
        level = max((f.severity for f in findings), key=VERDICT_LEVELS.index, default="ok")
        rows = [{"column": c, "n": scored} for c in ("price", "size", "shop")]
        write_json(
            self.top / "reports" / "monitor.json",
            {
                "model": "champion 1234",
                "verdict": {"level": level},
                "results": {
                    "findings": [f.to_dict() for f in findings],
                    "metrics": {"auc": {"value": 0.65, "low": 0.6, "high": 0.7, "n": 900}}
                    if metrics is None
                    else metrics,
                    "drift": rows,
                    "scored": scored,
                    "rows": 1000,
                    "labelled": 900,
                },
            },
        )

    def said(self, name, **entry):
        with (self.top / "data" / name).open("a") as f:
            f.write(json.dumps(entry) + "\n")

    def outbox(self):
        return json.loads((self.top / ALERT_STATE_PATH).read_text())["outbox"]

    def texts(self):
        return {f: f.read_bytes() for f in self.top.rglob("*") if f.is_file()}

    def run(self, code="announce(tries=2, wait=.02, limit=20)", **env):
        env = (
            ENV
            | {"MLOPS_NB_ROOT": str(self.top), "PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1"}
            | env
        )
        return subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"from mlops_nb.publishing.alerts import announce_findings as announce\nprint({code})",
            ],
            cwd=self.top,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    p = Project(tmp_path / "project")
    monkeypatch.setenv("MLOPS_NB_ROOT", str(p.top))
    return p


def events(got):
    return [(e["event"], e["finding"]) for e in got.events]


def titles(hook):
    return [x["title"].partition(": ")[2] for x in hook.got]


def test_appears_worsens_clears_once_each(here, mail, hook, monkeypatch, capfd):
    (
        monkeypatch.setenv("A_MAIL", mail_address(mail.server_address[1])),
        monkeypatch.setenv("A_HOOK", hook_address(hook.server_port)),
    )
    here.settings("A_MAIL, A_HOOK")
    (
        here.said("history.jsonl", window="2013-02", findings=[]),
        here.said("history.jsonl", window="2013-03", findings=[{"id": "drift.price"}]),
    )

    here.monitored(drift())
    got = announce_findings(**FAST)
    assert events(got) == [("appeared", "drift.price")]
    assert (
        got.delivered,
        got.waiting,
        got.failed,
    ) == (2, 0, ())
    body = mail.got[0].get_body(("plain",)).get_content().replace("\r", "")
    assert mail.users == ["me"]
    assert mail.got[0]["to"] == "b@example.com"
    assert mail.got[0]["subject"] == "Late flights: new finding, drift.price (watch)"
    for text in (body, hook.got[0]["message"]):
        assert (
            "price is spread differently than when the model was trained (PSI 0.15, limit 0.10, learned from 12 spans of the training period). By itself that moves the mean prediction by +0.030: ask what changed at the source"
            in text
        )  # what
        assert "How bad: watch; value 0.15, limit 0.1" in text
        assert "Since: 2013-03; now 2013-04" in text
        assert (
            "mlops-nb decide drift.price --dismiss|--retrain|--rollback --why" in text
        )  # what to do
        assert "https://example.com/flights/monitor.html" in text
    assert hook.got[0]["type"] == "warning"

    assert events(announce_findings(**FAST)) == []  # the same again
    here.monitored(drift(value=0.19))
    assert events(announce_findings(**FAST)) == []  # a little more is no news
    here.open("2013-05"), here.monitored(drift(value=0.21))
    assert events(announce_findings(**FAST)) == [
        ("worsened", "drift.price")
    ]  # twice as far from the limit
    here.monitored(drift(value=0.21, severity="act"))
    assert events(announce_findings(**FAST)) == [("worsened", "drift.price")]
    assert hook.got[-1]["type"] == "failure"
    assert "Since: 2013-03; now 2013-05" in hook.got[-1]["message"]
    here.monitored()
    assert events(announce_findings(**FAST)) == [("cleared", "drift.price")]
    assert "Since: 2013-03; over in 2013-05" in hook.got[-1]["message"]
    assert hook.got[-1]["type"] == "success"
    assert events(announce_findings(**FAST)) == []

    want = [
        "new finding, drift.price (watch)",
        "worse, drift.price (watch)",
        "worse, drift.price (act)",
        "cleared, drift.price (act)",
    ]
    assert titles(hook) == want
    assert [m["subject"].partition(": ")[2] for m in mail.got] == want
    assert [
        (x["event"], x["window"], x["delivered"], sorted(x["sent"])) for x in read_alert_log()
    ] == [
        (e, w, True, ["A_HOOK", "A_MAIL"])
        for e, w in (
            ("appeared", "2013-04"),
            ("worsened", "2013-05"),
            ("worsened", "2013-05"),
            ("cleared", "2013-05"),
        )
    ]
    assert capfd.readouterr() == ("", "")


def test_absent_because_nobody_looked_is_not_cleared(here):
    here.monitored(auc(), drift())
    assert len(announce_findings().events) == 2
    here.monitored(metrics={}, scored=0)
    assert events(announce_findings()) == []
    here.monitored(metrics={"auc": {"value": None}})
    assert events(announce_findings()) == [("cleared", "drift.price")]
    here.monitored(
        Finding("quality.floor.auc", "quality", "auc", 0.5, 0.6, "act", Message("monitor.floor"))
    )
    assert events(announce_findings()) == [
        ("appeared", "quality.floor.auc")
    ]  # the drop went on: not cleared
    here.monitored()
    assert sorted(events(announce_findings())) == [
        ("cleared", "quality.drop.auc"),
        ("cleared", "quality.floor.auc"),
    ]


def test_target_down_then_up(here, hook, monkeypatch, capfd):
    down = start(ThreadingHTTPServer, Hook)
    port = down.server_port
    stop(down)
    (
        monkeypatch.setenv("A_UP", hook_address(hook.server_port)),
        monkeypatch.setenv("A_DOWN", hook_address(port)),
    )
    here.settings("A_UP, A_DOWN")
    here.monitored(drift())
    got = announce_findings(**FAST)
    assert (got.delivered, got.waiting) == (1, 1)
    assert got.failed == (("A_DOWN", "the connection was refused"),)
    out, err = capfd.readouterr()
    assert "A_DOWN: the connection was refused" in err
    assert out == ""
    assert here.outbox()[0]["to"] == ["A_DOWN"]
    assert [(x["delivered"], x["waiting"]) for x in read_alert_log()] == [(False, ["A_DOWN"])]
    here.monitored(drift(), auc()), announce_findings(**FAST), announce_findings(**FAST)
    assert "mlops_nb_alerts_waiting 2" in export_prometheus()
    up = start(ThreadingHTTPServer, Hook, port)
    try:
        got = announce_findings(**FAST)
        assert (got.delivered, got.waiting, got.events, got.failed) == (
            2,
            0,
            (),
            (),
        )
        assert here.outbox() == []
        assert (
            titles(up)
            == titles(hook)
            == ["new finding, drift.price (watch)", "new finding, quality.drop.auc (act)"]
        )  # in order; nothing twice
        assert [x["delivered"] for x in read_alert_log()] == [True, True]
    finally:
        stop(up)


def test_a_try_that_fails_is_repeated(here, hook, monkeypatch):
    busy = iter([503, 503, 200])
    hook.answer = lambda post: next(busy)
    monkeypatch.setenv("A_HOOK", hook_address(hook.server_port))
    here.settings("A_HOOK"), here.monitored(drift())
    got = announce_findings(tries=2, wait=0.01)
    assert got.failed == (("A_HOOK", "it answers with HTTP 503"),)
    assert got.waiting == 1
    assert announce_findings(tries=3, wait=0.01).delivered == 1
    assert len(hook.got) == 1


def test_a_message_that_is_always_refused_does_not_hold_up_the_others(here, hook, monkeypatch):
    hook.answer = lambda post: 400 if "price" in post["title"] else 200
    monkeypatch.setenv("A_HOOK", hook_address(hook.server_port))
    here.settings("A_HOOK"), here.monitored(drift(), drift("size"))
    for _ in range(3):
        assert announce_findings(tries=1).delivered == 0
    assert announce_findings(tries=1).delivered == 1
    assert titles(hook) == ["new finding, drift.size (watch)"]
    assert len(here.outbox()) == 1


def test_bounded_time_and_no_secret_anywhere(here):
    """A server that never stops answering, one that says nothing, and every way to fail: the process ends in time, and says only names."""
    drip, busy = (
        start(ThreadingHTTPServer, Hook, drip=True),
        start(ThreadingHTTPServer, Hook, answer=lambda post: 503),
    )
    mute, refuse = (
        start(socketserver.ThreadingTCPServer, Mail, mute=30),
        start(socketserver.ThreadingTCPServer, Mail),
    )
    here.settings(
        f"A_DRIP, A_MUTE, A_BUSY, A_REFUSE, A_DOWN, A_ODD, A_UNSET, json://me:{QUOTED}@127.0.0.1/x?to=a,{QUOTED[:9]}"
    )
    here.monitored(drift())
    before = time.monotonic()
    loud = "(logging := __import__('logging')).basicConfig(level=1), logging.getLogger('apprise').addHandler(logging.StreamHandler())"  # somebody who logs everything
    wrong = mail_address(refuse.server_address[1]).replace("3%2Fx", "3%2Fy")
    run = here.run(
        f"{loud}, announce(tries=2, wait=.02, limit=5)",
        A_DRIP=hook_address(drip.server_port),
        A_MUTE=mail_address(mute.server_address[1]),
        A_REFUSE=wrong,
        A_BUSY=hook_address(busy.server_port),
        A_DOWN=hook_address(1),
        A_ODD=f"nosuchservice://me:{QUOTED}@host/{QUOTED}",
    )
    out, err = run.communicate(timeout=60)
    took = time.monotonic() - before
    for server in (drip, mute, busy, refuse):
        stop(server)
    assert run.returncode == 0 and took < 15, (took, out, err)
    why = dict(
        x.partition("alert: ")[2].split(": ", 1)
        for x in err.splitlines()
        if x.startswith("alert: ")
    )
    assert set(why) == {
        "A_DRIP",
        "A_MUTE",
        "A_BUSY",
        "A_REFUSE",
        "A_DOWN",
        "A_ODD",
        "A_UNSET",
        "entry 8 of alerts",
        "entry 9 of alerts",
    }, err
    assert "HTTP 503" in why["A_BUSY"]
    assert "refused" in why["A_DOWN"]
    assert "not finished within 5 s" in why["A_DRIP"]
    assert "user and password" in why["A_REFUSE"]
    assert "not shown" in why["A_ODD"]
    assert "set A_UNSET" in why["A_UNSET"]
    assert "names of environment variables" in why["entry 8 of alerts"]
    assert here.outbox()[0]["sent"] == []
    assert len(here.outbox()[0]["to"]) == 9
    (here.top / "settings.ini").unlink()  # the only file in which somebody wrote it
    for part in ("tr0ub4dor", "dHIwdWI0ZG9y", base64.b64encode(f"me:{SECRET}".encode()).decode()):
        assert part not in out + err and not [
            f for f, b in here.texts().items() if part.encode() in b
        ], part


def test_a_decision_closes(here, hook, monkeypatch):
    monkeypatch.setenv("A_HOOK", hook_address(hook.server_port))
    here.settings("A_HOOK"), here.monitored(drift(), drift("size"))
    announce_findings(**FAST)
    here.said(
        "decisions.jsonl",
        id="1",
        at="2013-05-01T00:00:00Z",
        action="dismiss",
        finding="drift.price",
        window="2013-04",
        why="known",
    )
    here.said(
        "decisions.jsonl",
        id="2",
        at="2013-05-01T00:00:00Z",
        action="dismiss",
        finding="new.shop",
        window="2013-04",
        why="known",
    )
    new = Finding("new.shop", "new", "shop", 0.2, 0.01, "watch", Message.text("a new shop"))
    here.monitored(drift(value=0.9, severity="act"), drift("size"), new)
    got = announce_findings(**FAST)
    assert events(got) == [("closed", "drift.price")]
    assert got.delivered == 0
    assert events(announce_findings(**FAST)) == []
    assert read_alert_log()[-1]["event"] == "closed"
    assert read_alert_log()[-1]["delivered"] is None
    here.open("2013-05")
    assert events(announce_findings(**FAST)) == [
        ("appeared", "drift.price"),
        ("appeared", "new.shop"),
    ]  # a decision is about one window
    here.said(
        "decisions.jsonl",
        id="3",
        at="2013-06-01T00:00:00Z",
        action="retrain",
        finding="drift.size",
        window="2013-05",
        why="older",
    )
    here.open("2013-06"), here.monitored()
    assert sorted(events(announce_findings(**FAST))) == [
        ("cleared", "drift.price"),
        ("cleared", "new.shop"),
        ("closed", "drift.size"),
    ]


def test_killed_at_every_write_loses_nothing(here, hook, monkeypatch):
    """Each place where announce puts a file in place is a place to be killed, before it and after it. Then it runs again."""
    monkeypatch.setenv("A_HOOK", hook_address(hook.server_port))
    here.settings("A_HOOK", prometheus=".mlops/m.prom")
    real = os.replace
    points = 0

    class Killed(BaseException):
        pass

    for after in (False, True):
        for k in range(100):
            hook.got.clear()
            (
                here.monitored(),
                announce_findings(**FAST),
                hook.got.clear(),
                here.monitored(drift(), drift("size")),
            )
            seen = []

            def replace(a, b):
                if len(seen) >= k and not after:
                    raise Killed  # also in the thread that delivers
                seen.append(real(a, b))
                if len(seen) > k:
                    raise Killed

            with monkeypatch.context() as m:
                (
                    m.setattr(os, "replace", replace),
                    m.setattr(threading, "excepthook", lambda a: None),
                )
                try:
                    announce_findings(**FAST)
                    killed = False
                except Killed:
                    killed = True
            again = announce_findings(**FAST)
            assert again.waiting == 0 and {*titles(hook)} == {
                "new finding, drift.price (watch)",
                "new finding, drift.size (watch)",
            }, (k, titles(hook))
            assert len(hook.got) <= 3, (k, titles(hook))  # one of them twice, at most
            points += killed
            assert {(x["finding"], x["delivered"]) for x in read_alert_log()[-2:]} == {
                ("drift.price", True),
                ("drift.size", True),
            }
            if not killed:
                break
    assert points >= 12, points
    print(f"{points} kill points")


def test_killed_by_signal_between_sending_and_saving(here, hook):
    """SIGKILL at the moment in which the message has arrived and the sender does not know it yet."""
    running = []

    def answer(post):
        if running:
            os.kill(running.pop(), signal.SIGKILL)
        return 200

    hook.answer = answer
    here.settings("A_HOOK"), here.monitored(drift(), drift("size"))
    env = {"A_HOOK": hook_address(hook.server_port)}
    code = "__import__('sys').stdin.readline(), announce(tries=1)"
    first = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"from mlops_nb.publishing.alerts import announce_findings as announce\nprint({code})",
        ],
        cwd=here.top,
        stdin=subprocess.PIPE,
        env=ENV
        | {"MLOPS_NB_ROOT": str(here.top), "PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1"}
        | env,
    )
    running.append(first.pid)
    first.communicate(b"\n", timeout=60)
    assert first.returncode == -signal.SIGKILL
    assert len(hook.got) == 1
    here.monitored()  # gone meanwhile: both still have to be told, in order
    out, err = here.run(**env).communicate(timeout=60)
    assert "4 delivered, 0 waiting" in out, out + err
    assert titles(hook) == [
        f"new finding, drift.{c} (watch)" for c in ("price", "price", "size")
    ] + [f"cleared, drift.{c} (watch)" for c in ("price", "size")]


def test_two_at_once_send_once(here, hook, monkeypatch):
    hook.answer = lambda post: time.sleep(0.1) or 200
    monkeypatch.setenv("A_HOOK", hook_address(hook.server_port))
    here.settings("A_HOOK"), here.monitored(drift(), drift("size"))
    both = [threading.Thread(target=announce_findings, kwargs=FAST) for _ in range(2)]
    [t.start() for t in both], [t.join() for t in both]
    assert len(hook.got) == 2


def test_targets_that_come_and_go(here, hook, monkeypatch):
    (
        monkeypatch.setenv("A_OLD", hook_address(1)),
        monkeypatch.setenv("A_NEW", hook_address(hook.server_port)),
    )
    here.monitored(drift())
    assert announce_findings(**FAST).waiting == 0  # no target, nothing kept for one
    here.settings("A_OLD"), here.monitored(drift(), auc()), announce_findings(**FAST)
    here.settings("")
    assert announce_findings(**FAST).waiting == 1
    here.settings("A_NEW")
    assert announce_findings(**FAST).delivered == 1
    assert titles(hook) == ["new finding, quality.drop.auc (act)"]


def test_without_the_extra_it_says_which(here, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None), monkeypatch.setenv("A_HOOK", hook_address(1))
    here.settings("A_HOOK"), here.monitored(drift())
    got = announce_findings(**FAST)
    assert "pip install 'mlops_nb[alerts]'" in got.failed[0][1]
    assert got.waiting == 1
    assert "A\\_HOOK" in got._repr_markdown_()


def test_unwritable_log_and_metrics_do_not_stop_the_run(here):
    here.settings("", prometheus="dvc.yaml/metrics.prom"), here.monitored(drift())
    (here.top / ".mlops").mkdir(), (here.top / ALERT_LOG_PATH).write_text("{broken\n")
    got = announce_findings(**FAST)
    assert [n for n, _ in got.failed] == ["prometheus", "the log"]
    (here.top / ALERT_LOG_PATH).unlink(), here.settings("")
    assert announce_findings(**FAST).failed == ()
    assert [x["finding"] for x in read_alert_log()] == ["drift.price"]


def test_subject_is_one_line_and_japanese(here, hook, monkeypatch):
    monkeypatch.setenv("A_HOOK", hook_address(hook.server_port))
    here.settings("A_HOOK", language="ja", title="遅延便")
    here.monitored(drift("a\nBcc: x@example.com \"<b>' $(rm)"))
    announce_findings(**FAST)
    assert (
        hook.got[0]["title"]
        == "遅延便：新しい所見 drift.a Bcc: x@example.com \"<b>' $(rm)（要注意）"
    )
    assert "の分布が学習時と異なります" in hook.got[0]["message"]
    assert "'drift.a\nBcc: x@example.com \"<b>'\"'\"' $(rm)' --dismiss" in hook.got[0]["message"]


def test_prometheus_text(here):
    parser = pytest.importorskip("prometheus_client.parser")
    odd = 'a "quoted" \\ back\\n slash\nnew line, {x="y"} é'
    here.settings("", prometheus=".mlops/out/metrics.prom")
    here.monitored(
        auc(),
        drift(odd, 0.31),
        Finding("contract.type.x", "contract", "x", None, None, "act", Message.text("x")),
        metrics={"auc": {"value": 0.65}, "recall": {"value": None}},
    )
    (
        (here.top / ".mlops").mkdir(exist_ok=True),
        (here.top / ".mlops" / "runs.jsonl").write_text(
            '{"stage": "train", "seconds": 9.0}\n{"stage": "train", "seconds": 2.5}\n'
        ),
    )
    text = export_prometheus()
    assert (here.top / ".mlops" / "out" / "metrics.prom").read_text() == text
    assert not list((here.top / ".mlops" / "out").glob(".*"))
    got = {f.name: f for f in parser.text_string_to_metric_families(text)}
    assert all(f.type == "gauge" and f.documentation for f in got.values())
    rows = {
        (s.name, tuple(sorted(s.labels.items()))): s.value for f in got.values() for s in f.samples
    }
    assert rows["mlops_nb_verdict", (("model", "v1.0.0"), ("window", "2013-04"))] == 2
    assert rows["mlops_nb_rows", ()] == 1000
    assert rows["mlops_nb_labelled", ()] == 900
    assert rows["mlops_nb_finding", (("id", f"drift.{odd}"), ("severity", "watch"))] == 0.31
    assert rows["mlops_nb_finding", (("id", "quality.drop.auc"), ("severity", "act"))] == 0.65
    assert rows["mlops_nb_metric", (("name", "auc"),)] == 0.65
    assert str(rows["mlops_nb_metric", (("name", "recall"),)]) == "nan"
    assert str(rows["mlops_nb_finding", (("id", "contract.type.x"), ("severity", "act"))]) == "nan"
    assert rows["mlops_nb_stage_seconds", (("stage", "train"),)] == 2.5
    assert len(rows) == 10
    assert text.endswith("\n")
    assert text.count("# TYPE") == text.count("# HELP") == 7
    announce_findings()
    assert "mlops_nb_alerts_waiting 0" in (here.top / ".mlops" / "out" / "metrics.prom").read_text()
