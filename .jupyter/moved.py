"""Set the paths in .venv right after the checkout was moved, and say so. The Makefile runs it.

Scripts in .venv/bin, such as dvc, begin with the path at which they were installed.
"""

import re
import venv
from pathlib import Path

FOLDER = ".venv"
LONGEST_FIRST_LINE = 127  # that Linux reads of a script


def former_place(environment: Path) -> str:
    """Return the folder of the checkout in which the environment was made; nothing if unknown."""
    settings = environment / "pyvenv.cfg"
    if environment.is_symlink() or not settings.exists():
        return ""
    made = re.search(
        rf"(?m)^command = .* -m venv (?:--\S+ )*(/.*)/{re.escape(FOLDER)}$",
        settings.read_text("utf-8"),
    )
    return made[1] if made else ""


def first_line(script: str) -> str:
    """Return a script so that it starts in a folder whose path holds a space, as pip writes it."""
    line, _, rest = script.partition("\n")
    if not line.startswith("#!/") or f"/{FOLDER}/bin/python" not in line:
        return script
    program = line.removeprefix("#!")
    if " " not in program and len(line) < LONGEST_FIRST_LINE:
        return script
    return f"#!/bin/sh\n'''exec' \"{program}\" \"$0\" \"$@\"\n' '''\n{rest}"


def set_right(
    file: Path,
    old: str,
    new: str,
) -> None:
    """Write the new path where a text file has the old one."""
    content = file.read_bytes()
    if b"\0" in content or old.encode() not in content:
        return
    text = content.decode("utf-8", "surrogateescape")
    text = re.sub(rf"{re.escape(old)}(?=[/'\"\n])", lambda _: new, text)
    if file.parent.name == "bin":
        text = first_line(text)
    file.write_bytes(text.encode("utf-8", "surrogateescape"))


def main() -> None:
    """Set the environment of the present folder right, if it was made elsewhere."""
    environment = Path(FOLDER).absolute()
    old = former_place(environment)
    new = str(environment.parent)
    if not old or old == new:
        return
    print(
        f"this checkout was at {old}: setting the paths in {FOLDER} right", flush=True
    )
    scripts = [
        file for file in (environment / "bin").iterdir() if not file.is_symlink()
    ]
    links = environment.glob("lib/python*/site-packages/__editable__*")
    for file in (*scripts, *links):
        if file.is_file():
            set_right(file, old, new)
    # last, so that the next run goes on where this one was stopped: activate, pyvenv.cfg
    venv.EnvBuilder(symlinks=True).create(environment)


main()
