"""What is made once and shared by all workers."""

import fcntl
import shutil


def make_once(
    base,
    name,
    make,
):
    """Return the folder `name` in `base`, which `make(folder)` fills for the first who asks."""
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (base / f"{name}.done").exists():
            shutil.rmtree(base / name, ignore_errors=True)
            make(base / name)
            (base / f"{name}.done").touch()
    return base / name
