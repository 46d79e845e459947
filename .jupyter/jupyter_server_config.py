"""JupyterLab for this project alone.

`make lab` points JUPYTER_CONFIG_DIR here, so that ~/.jupyter is neither read nor written.

The folder is the project's root; terminals and cells find the project's python and dvc; stage
notebooks are saved without outputs (trying them leaves git clean: what counts comes from
`dvc repro`); nothing asks for or fetches news.
"""

import os
import sys
from fnmatch import fnmatch
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from jupyter_server.base.handlers import AuthenticatedFileHandler  # noqa: E402
from jupyter_server.services.contents.largefilemanager import (  # noqa: E402
    AsyncLargeFileManager,
)
from strip import strip, stripped  # noqa: E402

from mlops_nb.core.config import read_settings  # noqa: E402
from mlops_nb.core.files import read_json  # noqa: E402
from mlops_nb.pipeline.environment import STAGE_ENVIRONMENT, pin_kernels  # noqa: E402
from mlops_nb.reporting.executed_view import present_executed_notebook  # noqa: E402

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


def present_report(
    path: str,
    notebook: dict,
) -> dict:
    """Show an executed notebook of reports/ with its headline, words and pictures."""
    file = HERE.parent / path
    twin = file.with_suffix(".json")
    result = read_json(twin) if twin.exists() else None
    language = read_settings(HERE.parent / "settings.ini").language
    return present_executed_notebook(notebook, result, file.stem, language)


class ReportContentsManager(AsyncLargeFileManager):
    """The project's files; an executed notebook is shown, never written: it is a record."""

    async def get(self, path, *args, **options):
        """Read a file as JupyterLab shows it."""
        model = await super().get(path, *args, **options)
        if model["type"] != "notebook" or not fnmatch(path.strip("/"), "reports/*"):
            return model
        model["writable"] = False
        if model["content"]:
            try:
                model["content"] = present_report(path.strip("/"), model["content"])
            except Exception as error:  # shown as it is, rather than not at all
                self.log.warning("%s is shown as it is: %s", path, error)
        return model


class LinkedFileHandler(AuthenticatedFileHandler):
    """Files to which a page that JupyterLab shows may lead."""

    @property
    def content_security_policy(self) -> str:
        """Let a page in a frame lead on as this server's own; then it may run no script."""
        policy = super().content_security_policy
        if self.request.headers.get("Sec-Fetch-Dest") != "iframe":
            return policy
        return policy.replace("sandbox allow-scripts", "sandbox allow-same-origin")

    def check_referer(self) -> bool:
        """Say whether a request comes from this server's own pages.

        JupyterLab shows a page as a blob, whose links send no Referer. But the browser says of
        itself where a request comes from, which no page can say in its place.
        """
        if self.request.headers.get("Sec-Fetch-Site") in ("same-origin", "none"):
            return True
        return super().check_referer()


config = get_config()  # noqa: F821
config.ServerApp.root_dir = str(HERE.parent)
config.ServerApp.contents_manager_class = ReportContentsManager
config.FileContentsManager.pre_save_hook = strip_before_saving
config.FileContentsManager.files_handler_class = LinkedFileHandler
config.LabApp.default_url = "/lab/tree/nbs/index.ipynb"
config.LabApp.custom_css = True
config.LabApp.news_url = None
config.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
config.LabApp.extension_manager = "readonly"
if os.name == "posix":  # not a login shell: it could put another python first
    shell = os.environ.get("SHELL") or "sh"
    config.ServerApp.terminado_settings = {"shell_command": [shell]}
