"""Run a command of mlops_nb and kill it at its n-th write, rename, removal or program start.

`KILL_AT=FILE:N python -P kill_at.py COMMAND …`; with N = 0 nothing is killed, and FILE gets the
number of such points. It counts what the interpreter reports to audit hooks (PEP 578); the package
is imported afterwards only, so that its imports are seen as well.
"""

import atexit
import os
import runpy
import signal
import sys
from pathlib import Path

EVENTS = ("subprocess.Popen", "os.rename", "os.remove", "os.rmdir", "os.mkdir")


class Counter:
    """Counts the points of a run, and ends it at one of them."""

    def __init__(self, last: int) -> None:
        """Count from now on; `last`: where to end, 0 for nowhere."""
        self.last = last
        self.points = 0
        self.top = os.getcwd()

    def __call__(
        self,
        event: str,
        args: tuple,
    ) -> None:
        """Take note of an audit event."""
        if not self._is_point(event, args):
            return
        self.points += 1
        if self.points == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def _is_point(
        self,
        event: str,
        args: tuple,
    ) -> bool:
        if event != "open":
            return event in EVENTS
        path, _, flags = args
        if not isinstance(path, str) or not isinstance(flags, int):
            return False
        is_written = bool(flags & (os.O_WRONLY | os.O_RDWR))
        return is_written and os.path.abspath(path).startswith(self.top)


def main() -> None:
    """Set the hook, where asked to, and run the command."""
    where, _, last = os.environ.pop("KILL_AT", "").rpartition(":")
    if where:
        counter = Counter(int(last))
        sys.addaudithook(counter)
        if counter.last == 0:
            atexit.register(lambda: Path(where).write_text(str(counter.points)))
    runpy.run_module("mlops_nb", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
