"""Kill a command at every file write, rename, removal and start of another program, one after the other: `python benchmarks/killing.py [STRIDE [COMMAND …]]` prints the count.

The command runs after a few lines that count what the interpreter reports to audit hooks (PEP 578) and send SIGKILL at the n-th. It is a
miniature project: the stages are small scripts, while git, DVC, the registry and the loop are the real ones.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOOK = """
import os, sys
spec = os.environ.pop("KILL_AT", "")
if spec:
    where, at = spec.rsplit(":", 1); seen = [0]; top = os.getcwd()
    def hook(event, args):
        if event == "open": hit = isinstance(args[0], str) and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR) and os.path.abspath(args[0]).startswith(top)
        else: hit = event in ("subprocess.Popen", "os.rename", "os.remove", "os.rmdir", "os.mkdir")
        if not hit: return
        seen[0] += 1
        if seen[0] == int(at): os.kill(os.getpid(), 9)
    sys.addaudithook(hook)
    import atexit
    atexit.register(lambda: open(where, "w").write(str(seen[0])) if at == "0" else None)
import runpy
runpy.run_module("mlops_nb", run_name="__main__", alter_sys=True)
"""
MAKE = """
import json, pathlib, sys
n, seen = pathlib.Path("n.txt").read_text().strip(), [x for x in pathlib.Path("params.yaml").read_text().splitlines() if x.startswith("windows")]
def write(path, text): pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True); pathlib.Path(path).write_text(text)
if sys.argv[1] == "train":
    write("data/candidate/model.skops", "model " + n + ("" if "'2013-01'" in seen[0].split("current")[0] else " again")); write("data/candidate/manifest.json", "{}")
elif sys.argv[1] == "evaluate":
    write("reports/evaluate.json", json.dumps({"results": {"gate": {"passed": True, "checks": [{"name": "rows", "passed": True}]}, "metrics": {"candidate": {"auc": {"value": .7}}}, "gains": []}}))
else:
    finding = {"id": "drift.x", "severity": "watch", "value": .2, "limit": .1}
    write("reports/monitor.json", json.dumps({"verdict": {"level": "watch"}, "model": "m", "headline": {"key": "replay.lost", "values": {"n": 0, "periods": "none"}}, "results": {"findings": [finding], "metrics": {"auc": {"value": .7}}, "rows": 9, "labelled": 9}}))
"""
DVC = """stages:
  train: {cmd: python make.py train, deps: [n.txt], params: [windows.train], outs: [data/candidate]}
  champion: {cmd: python -m mlops_nb champion, deps: [data/candidate], params: [champion], outs: [data/champion]}
  evaluate: {cmd: python make.py evaluate, deps: [data/candidate, data/champion], outs: [reports/evaluate.json]}
  monitor: {cmd: python make.py monitor, deps: [data/champion], params: [windows.current], outs: [reports/monitor.json]}
artifacts: {toy: {path: data/candidate, type: model}}
"""


def environment(**more):
    own = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith("MLOPS_NB") or k == "MLOPS_NB_SERVER"
    }
    who = {
        f"GIT_{a}_{b}": v
        for a in ("AUTHOR", "COMMITTER")
        for b, v in (("NAME", "ada"), ("EMAIL", "ada@example.com"))
    }
    return (
        own
        | who
        | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
        }
        | more
    )


def sh(top, *argv, **env):
    return subprocess.run(
        [str(a) for a in argv],
        cwd=top,
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=300,
    )


def done(top, *argv):
    got = sh(top, *argv)
    assert got.returncode == 0, (argv, got.stdout[-2000:], got.stderr[-2000:])
    return got.stdout


def model(top, n, message):
    """Train the next candidate and commit it."""
    (top / "n.txt").write_text(f"{n}\n")
    done(top, sys.executable, "-m", "mlops_nb", "dvc", "repro", "-q")
    done(top, "git", "add", "-A"), done(top, "git", "commit", "-qm", message)


def project(top):
    """Two registered versions, and a third candidate."""
    (top / "data").mkdir(parents=True)
    sections = (
        "windows: {train: {start: '2013-01', end: '2013-03'}, current: {start: '2013-04', end: '2013-04'}}\n"
        + "".join(
            f"{s}: {{}}\n" for s in ["features", "preprocess", "train", "evaluate", "monitor"]
        )
    )
    for name, text in {
        "make.py": MAKE,
        "dvc.yaml": DVC,
        "params.yaml": f"data: {{period: M}}\n{sections}champion: {{version: null, commit: null, md5: null}}\n",
        "settings.ini": "",
        "data/card.yaml": "intended_use: x\nout_of_scope: x\nlimits: x\nethics: x\nlicence: x\n",
        ".gitignore": ".mlops/\n__pycache__/\n",
    }.items():
        (top / name).write_text(text)
    (
        done(top, "git", "init", "-q", "-b", "main"),
        done(top, sys.executable, "-m", "dvc", "init", "-q"),
    )
    for n in (1, 2):
        (
            model(top, n, f"candidate {n}"),
            done(top, sys.executable, "-m", "mlops_nb", "promote", "--why", f"number {n}"),
        )
    model(top, 3, "candidate 3")
    return top


COMMANDS = {
    "promote": ("promote", "--why", "better"),
    "rollback": ("rollback", "--why", "worse"),
    "advance": ("advance", "2013-05"),
    "decide": ("decide", "drift.x", "--dismiss", "--why", "summer"),
    "retrain": ("retrain", "--periods", "2"),
}


def state(top):
    """What a user sees: pin, champion's bytes, branch, tags; None when the files do not fit the commit."""
    if done(top, "git", "status", "--porcelain") or "up to date" not in done(
        top, sys.executable, "-m", "mlops_nb", "dvc", "status"
    ):
        return None
    return (
        (top / "params.yaml").read_text().splitlines()[-1],
        (top / "data/champion/model.skops").read_text(),
        done(top, "git", "log", "--format=%s"),
        done(top, "git", "tag"),
    )


def points(source, argv, work):
    """How many places there are to be killed at, and the states before and after."""
    top = shutil.copytree(source, work / "count", symlinks=True)
    before = state(top)
    got = sh(top, sys.executable, "-c", HOOK, *argv, KILL_AT=f"{work / 'n'}:0")
    assert got.returncode == 0, got.stderr
    return int((work / "n").read_text()), before, state(top)


def killed(source, argv, work, n, before, after):
    """Kill at point `n`; what the next command finds, and what running it again makes. Returns a complaint or an empty string."""
    top = shutil.copytree(source, work / f"at-{n}", symlinks=True)
    got = sh(top, sys.executable, "-c", HOOK, *argv, KILL_AT=f"{work / 'n'}:{n}")
    if got.returncode != -9:
        return f"{n}: not killed ({got.returncode})"
    head = done(top, "git", "log", "--format=%s"), done(top, "git", "tag")
    if head not in (before[2:], after[2:]):
        return f"{n}: branch and tags are neither old nor new: {head}"
    again = sh(top, sys.executable, "-m", "mlops_nb", *argv)
    now = state(top)
    shutil.rmtree(top)
    return (
        ""
        if again.returncode == 0 and now == after
        else f"{n}: running it again gave {now} ({again.returncode}: {again.stdout[-500:]}{again.stderr[-500:]})"
    )


def run(stride=1, first=1, names=tuple(COMMANDS), source=None):
    """{command: (points, tried, complaints)}. `source`: a project of `project`, which is made when none is given."""
    got = {}
    with tempfile.TemporaryDirectory() as tmp:
        source = source or project(Path(tmp) / "source")
        for name in names:
            work = Path(tmp) / name
            work.mkdir()
            total, before, after = points(source, COMMANDS[name], work)
            assert before and after and before != after, (before, after)
            tried = range(first, total + 1, stride)
            bad = [
                x for n in tried if (x := killed(source, COMMANDS[name], work, n, before, after))
            ]
            got[name] = {"points": total, "killed at": len(tried), "wrong": bad}
            print(
                f"{name}: {total} points, killed at {len(tried)}, wrong: {len(bad)}",
                *bad,
                sep="\n  ",
                flush=True,
            )
    return got


if __name__ == "__main__":
    from mlops_nb.pipeline.fork_server import start_fork_server

    with start_fork_server() as env:
        os.environ.update(env)
        sys.exit(
            any(
                x["wrong"]
                for x in run(
                    int((sys.argv[1:] or ["1"])[0]), names=sys.argv[2:] or tuple(COMMANDS)
                ).values()
            )
        )
