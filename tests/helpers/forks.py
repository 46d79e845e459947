"""Commands of the package, and of DVC, in forks of a process that has imported the libraries.

Imports take most of a command's time, and the tests run more than a thousand. A fork has none of
our own modules: it imports those of the project that it runs in, as `python -m` does. A command
whose variables count at the start of Python, or that is no such command, starts cold.
"""

import contextlib
import functools
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from mlops_nb.pipeline.fork_client import build_request

ENTRIES = {"mlops_nb": "mlops_nb.__main__:main", "dvc": "dvc.cli:main"}
HOST = """
import sys
sys.path.insert(0, {home!r})
from mlops_nb.pipeline.fork_host import run_fork_host
from mlops_nb.pipeline.forked_command import modules_of_command, preload_modules
preload_modules([*modules_of_command("dvc"), *modules_of_command("run"), *{more}])
run_fork_host({listener}, {lifeline}, [])
"""
MORE_LIBRARIES = ("click", "rich.table", "pydantic")
_open = []  # functions that return the socket of the process that commands fork from


@contextlib.contextmanager
def start_forking(environment):
    """Let commands fork, as long as the block lasts, from a process with this environment.

    The first command starts it.
    """
    with contextlib.ExitStack() as stack:
        host = start_host(environment)
        _open.append(functools.cache(functools.partial(stack.enter_context, host)))
        try:
            yield
        finally:
            _open.pop()


@contextlib.contextmanager
def start_host(environment):
    """Start the process that commands fork from; yields the path of its socket."""
    home = str(Path(__file__).parents[2])
    lifeline, our_end = os.pipe()
    with tempfile.TemporaryDirectory(prefix="forks-") as folder:
        path = os.path.join(folder, "s")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(64)
            given = {"listener": listener.fileno(), "lifeline": lifeline}
            code = HOST.format(home=home, more=MORE_LIBRARIES, **given)
            host = subprocess.Popen(
                [sys.executable, "-c", code],
                env=environment,
                pass_fds=tuple(given.values()),
                stdin=subprocess.DEVNULL,
            )
        os.close(lifeline)
        try:
            yield path
        finally:
            os.close(our_end)
            host.kill()
            host.wait()


def run_forked(
    command,
    cwd,
    env,
    timeout,
):
    """Do what `subprocess.run` does, in a fork; None where the command is to start cold."""
    entry = ENTRIES.get("".join(command[2:3]))
    argv = command[3:]
    if not (_open and entry and argv) or command[:2] != [sys.executable, "-m"]:
        return None
    place = {"cwd": os.path.realpath(cwd), "env": dict(env)}
    request = build_request(argv, entry) | place
    with (
        socket.socket(socket.AF_UNIX) as host,
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
        open(os.devnull) as nothing,
    ):
        host.settimeout(timeout)
        code = ask(host, request, [nothing.fileno(), out.fileno(), err.fileno()])
        out.seek(0)
        err.seek(0)
        said = out.read(), err.read()
    if code is None:
        return None
    return subprocess.CompletedProcess(command, code, *said)


def ask(
    host,
    request,
    streams,
):
    """Let a command run with these descriptors; its exit code, None where it cannot be a fork."""
    try:
        host.connect(_open[-1]())
    except ConnectionRefusedError:
        return None
    socket.send_fds(host, [b"\n"], streams)
    host.sendall(json.dumps(request).encode() + b"\n")
    answers = host.makefile("rb")
    if answers.readline() != b"warm\n":
        return None
    return int(answers.readline())
