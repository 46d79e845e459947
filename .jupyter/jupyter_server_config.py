# Project-local configuration of JupyterLab (`make lab` points JUPYTER_CONFIG_DIR here).
# Stage notebooks are saved without outputs: running them is trying, `dvc repro` is what counts, and git stays clean.
c = get_config()  # noqa: F821


def strip_stage_outputs(model, path, **kwargs):
    if model["type"] != "notebook" or "stages/" not in f"/{path}" or model["content"]["nbformat"] != 4:
        return
    meta = model["content"]["metadata"]
    meta["kernelspec"] = {"display_name": "python3", "language": "python", "name": "python3"}
    meta["language_info"] = {"name": "python"}
    for cell in model["content"]["cells"]:
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None


c.FileContentsManager.pre_save_hook = strip_stage_outputs
c.LabApp.default_url = "/lab/tree/nbs/index.ipynb"
c.LabApp.news_url = None
