"""JupyterLab for this project alone: `make lab` points JUPYTER_CONFIG_DIR here, so that ~/.jupyter is neither read nor written.

The folder is the project's root; terminals and cells find the project's python and dvc; stage notebooks are saved without
outputs (trying them leaves git clean: what counts comes from `dvc repro`); nothing asks for or fetches news."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from strip import strip, stripped  # noqa: E402

from mlops_nb.pipeline.environment import STAGE_ENVIRONMENT, pin_kernels  # noqa: E402

c = get_config()  # noqa: F821
os.environ |= {
    "PATH": os.pathsep.join(
        [str(HERE / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
    ),
    "VIRTUAL_ENV": sys.prefix,
    "DVC_NO_ANALYTICS": "1",
}
pin_kernels()  # as in the pipeline, so that a stage notebook run by hand computes the same
os.environ |= {name: STAGE_ENVIRONMENT[name] for name in ("PYTHONHASHSEED", "OMP_NUM_THREADS")}


def strip_before_saving(model, path, **kwargs):
    if model["type"] == "notebook" and model["content"]["nbformat"] == 4 and stripped(path):
        strip(model["content"])


c.ServerApp.root_dir = str(HERE.parent)
c.FileContentsManager.pre_save_hook = strip_before_saving
c.LabApp.default_url = "/lab/tree/nbs/index.ipynb"
c.LabApp.custom_css = True
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
if os.name == "posix":  # not a login shell: it could put another python first
    c.ServerApp.terminado_settings = {"shell_command": [os.environ.get("SHELL") or "sh"]}
