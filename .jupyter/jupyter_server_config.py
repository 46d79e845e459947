"""JupyterLab for this project alone.

`make lab` points JUPYTER_CONFIG_DIR here, so that ~/.jupyter is neither read nor written.

The folder is the project's root; terminals and cells find the project's python and dvc; stage
notebooks are saved without outputs (trying them leaves git clean: what counts comes from
`dvc repro`); nothing asks for or fetches news.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from strip import strip, stripped  # noqa: E402

from mlops_nb.pipeline.environment import STAGE_ENVIRONMENT, pin_kernels  # noqa: E402

PROGRAMS = (HERE / "bin", Path(sys.executable).parent)
os.environ |= {
    "PATH": os.pathsep.join([*map(str, PROGRAMS), os.environ["PATH"]]),
    "VIRTUAL_ENV": sys.prefix,
    "DVC_NO_ANALYTICS": "1",
}
# As in the pipeline, so that a stage notebook run by hand computes the same.
pin_kernels()
for variable in ("PYTHONHASHSEED", "OMP_NUM_THREADS"):
    os.environ[variable] = STAGE_ENVIRONMENT[variable]


def strip_before_saving(
    model,
    path,
    **kwargs,
):
    """Take the outputs from a notebook that is kept without them."""
    is_notebook = model["type"] == "notebook" and model["content"]["nbformat"] == 4
    if is_notebook and stripped(path):
        strip(model["content"])


config = get_config()  # noqa: F821
config.ServerApp.root_dir = str(HERE.parent)
config.FileContentsManager.pre_save_hook = strip_before_saving
config.LabApp.default_url = "/lab/tree/nbs/index.ipynb"
config.LabApp.custom_css = True
config.LabApp.news_url = None
config.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
config.LabApp.extension_manager = "readonly"
if os.name == "posix":  # not a login shell: it could put another python first
    shell = os.environ.get("SHELL") or "sh"
    config.ServerApp.terminado_settings = {"shell_command": [shell]}
