"""What a command costs with everything it starts, under the same variables for all sides."""

import contextlib
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from mlops_nb.pipeline.environment import NUMERIC_VARIABLE_PREFIXES
from mlops_nb.pipeline.kernel_pins import KERNEL_PINS

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PINNED = {  # what a careful user sets for the peers
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MPLBACKEND": "agg",
    **KERNEL_PINS,
}
SECONDS_FOR_ORPHANS = 20
PRINTED = 3000  # characters of a failed command's output that are shown


def is_kept(name: str) -> bool:
    """Say whether one of the user's variables is left to a command."""
    if name.startswith(("MLOPS_NB", "DVC_", *NUMERIC_VARIABLE_PREFIXES)):
        return False
    return name != "PYTHONPATH" and name not in PINNED


def environment(**more: str) -> dict[str, str]:
    """Return a user's variables with the environment's programs first.

    CI keeps DVC from looking for a newer version of itself.
    """
    own = {name: value for name, value in os.environ.items() if is_kept(name)}
    common = {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "1",
        "CI": "1",
        "PYTHONDONTWRITEBYTECODE": "",
    }
    return own | common | more


def wait_for_orphans(seconds: float = SECONDS_FOR_ORPHANS) -> None:
    """Wait until no child is left, so that all of them are counted."""
    begun = time.monotonic()
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < begun + seconds:
            ended, _ = os.waitpid(-1, os.WNOHANG)
            if not ended:
                time.sleep(0.02)


def cost(
    *argv: str | Path,
    cwd: Path,
    **variables: str,
) -> dict:
    """Run a command; return CPU and wall seconds of it and everything it started.

    What it leaves behind is waited for, and counted too.
    """
    command = [str(part) for part in argv]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    completed = subprocess.run(
        command,
        check=False,
        cwd=cwd,
        env=environment(**variables),
        capture_output=True,
        text=True,
    )
    wall = time.monotonic() - begun
    wait_for_orphans()
    if completed.returncode:
        printed = f"{completed.stdout[-PRINTED:]}\n{completed.stderr[-PRINTED:]}"
        sys.exit(f"{' '.join(command)} in {cwd} → {completed.returncode}\n{printed}")
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    user = now.ru_utime - before.ru_utime
    system = now.ru_stime - before.ru_stime
    return {"cpu": user + system, "wall": wall, "out": completed.stdout}


def least(runs: list[dict]) -> dict[str, float]:
    """Return the least CPU and wall seconds of several runs."""
    return {
        "cpu": min(run["cpu"] for run in runs),
        "wall": min(run["wall"] for run in runs),
    }


def say(text: str) -> None:
    """Print a line with the time of day."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)
