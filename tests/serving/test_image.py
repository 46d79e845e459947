"""What a container is built from: complete, repeatable, nobody's file lost, and it serves."""

import json
import os
import stat
import subprocess
import sys

import pytest
from helpers.project import ROOT
from helpers.serving import ROWS, Client, stop_server, wait_until_ready
from ruamel.yaml import YAML

from mlops_nb.core.errors import UserError
from mlops_nb.pipeline.locked_versions import (
    canonical_distribution,
    distributions_by_package,
    read_locked_versions,
)
from mlops_nb.serving.bill_of_materials import ServedModel
from mlops_nb.serving.image import clean_image_name, find_served_model, write_image
from mlops_nb.serving.image_packages import (
    find_loaded_packages,
    select_image_versions,
)

BASE = "python:3.11-slim"
FOR_TRAINING = {"IPython", "dvc", "matplotlib", "nbclient", "pandera", "papermill"}


@pytest.fixture(scope="module")
def model(served_model):
    """The model that is served, with a version."""
    return ServedModel("flights", "v1.2.0", served_model)


@pytest.fixture(scope="module")
def image(
    model,
    tmp_path_factory,
):
    """The folder of an image."""
    return write_image(ROOT, tmp_path_factory.mktemp("image") / "here", model, BASE)


@pytest.fixture
def recipe(image):
    """The lines of the Dockerfile that are no comments."""
    lines = (image.folder / "Dockerfile").read_text().split("\n")
    return [line for line in lines if not line.startswith("#")]


@pytest.fixture
def kubernetes(image):
    """The documents of the manifest, by their kind."""
    text = (image.folder / "kubernetes.yaml").read_text()
    documents = YAML(typ="safe", pure=True).load_all(text)
    return {document["kind"]: document for document in documents}


@pytest.fixture
def bill(image):
    """The bill of materials."""
    return json.loads((image.folder / "sbom.cdx.json").read_text())


def contents(folder):
    """Return the bytes of every file of a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_nobody_is_said_to_run_it(recipe):
    assert not [line for line in recipe if line.startswith("USER")]


def test_its_entry_point_is_no_shell(recipe):
    (entry,) = [line for line in recipe if line.startswith("ENTRYPOINT ")]
    words = json.loads(entry.removeprefix("ENTRYPOINT "))
    assert words[1:] == ["-m", "mlops_nb.serving.container"]


def test_its_labels_name_the_model(
    recipe,
    model,
):
    said = "\n".join(recipe)
    assert f'io.mlops-nb.model.digest="{model.digest}"' in said
    assert 'org.opencontainers.image.version="v1.2.0"' in said


def test_everybody_may_read_it(image):
    paths = [image.folder, *image.folder.rglob("*")]
    modes = [stat.S_IMODE(path.stat().st_mode) for path in paths]
    assert set(modes) == {0o755, 0o644}


def test_it_is_the_same_bytes_again(
    image,
    model,
    tmp_path,
):
    again = write_image(ROOT, tmp_path / "again", model, BASE)
    assert contents(again.folder) == contents(image.folder)


def test_versions_are_those_of_the_lock(image):
    lines = (image.folder / "requirements.txt").read_text().split()
    locked = read_locked_versions(ROOT)
    versions = dict(line.split("==") for line in lines)
    assert versions == {name: locked[name] for name in versions}


def test_nothing_to_train_with_is_installed():
    assert not FOR_TRAINING & select_image_versions(ROOT).keys()


LOAD_ALL = """
import importlib, pathlib, sys
for file in sorted(pathlib.Path(sys.argv[1]).rglob("*.py")):
    path = file.relative_to(sys.argv[1]).with_suffix("")
    importlib.import_module(".".join(path.parts).removesuffix(".__init__"))
print(*{name.partition(".")[0] for name in sys.modules})
"""


def test_no_module_of_the_image_needs_what_is_not_in_it(image):
    """Every module can be loaded, and none that trains, draws or runs notebooks comes along."""
    app = str(image.folder / "app")
    command = [sys.executable, "-c", LOAD_ALL, app]
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": app}
    done = subprocess.run(
        command, env=variables, capture_output=True, text=True, check=True
    )
    assert not FOR_TRAINING & set(done.stdout.split())


def test_what_modules_load_is_installed(image):
    lines = (image.folder / "requirements.txt").read_text().split()
    installed = {line.partition("==")[0] for line in lines}
    provided = distributions_by_package()
    missing = [
        package
        for package in find_loaded_packages(ROOT)
        if installed.isdisjoint(map(canonical_distribution, provided[package]))
    ]
    assert missing == []


@pytest.mark.parametrize(
    "path",
    [
        "core/locales/ja.json",
        "reporting/templates/page.html",
        "serving/templates/status.html",
    ],
)
def test_what_modules_read_is_there(
    image,
    path,
):
    assert (image.folder / "app" / "mlops_nb" / path).is_file()


def test_a_version_that_is_not_locked_is_refused(tmp_path):
    (tmp_path / "requirements.lock").write_text("numpy==2.4.6\n")
    with pytest.raises(UserError, match="in requirements"):
        select_image_versions(tmp_path)


def test_the_bill_names_what_is_installed(
    bill,
    image,
):
    libraries = [each for each in bill["components"] if each["type"] == "library"]
    listed = {f"{each['name']}=={each['version']}" for each in libraries}
    lines = (image.folder / "requirements.txt").read_text().split()
    assert listed.issuperset(lines)


def test_the_bill_refers_to_what_it_names(bill):
    named = {"image", *(component["bom-ref"] for component in bill["components"])}
    referred = {each for line in bill["dependencies"] for each in line["dependsOn"]}
    assert referred <= named


def test_the_bill_holds_the_digest_of_the_model(
    bill,
    model,
):
    (part,) = [
        each for each in bill["components"] if each["type"] == "machine-learning-model"
    ]
    assert part["properties"][0]["value"] == model.digest
    names = {file["name"] for file in part["components"]}
    assert {"manifest.json", "model.skops"} <= names


def test_the_manifest_scales_and_survives_maintenance(kubernetes):
    assert set(kubernetes) == {
        "Deployment",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "Service",
    }
    selected = kubernetes["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]
    template = kubernetes["Deployment"]["spec"]["template"]
    assert template["metadata"]["labels"] == selected


def test_a_pod_writes_nothing_and_is_nobody(kubernetes):
    pod = kubernetes["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["requests"]["cpu"] == "250m"


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe", "livenessProbe"])
def test_a_probe_asks_a_route_of_the_server(
    kubernetes,
    probe,
):
    (container,) = kubernetes["Deployment"]["spec"]["template"]["spec"]["containers"]
    path = container[probe]["httpGet"]["path"]
    assert path in ("/v2/health/live", "/v2/health/ready")


@pytest.fixture
def own(
    model,
    tmp_path,
):
    """A folder that was written."""
    return write_image(ROOT, tmp_path / "own", model, BASE).folder


def put_a_note(folder):
    """Put a file beside ours."""
    (folder / "notes.txt").write_text("mine")


def change_the_recipe(folder):
    """Change a file of ours."""
    with (folder / "Dockerfile").open("a") as file:
        file.write("USER me\n")


@pytest.mark.parametrize(
    "touch", [put_a_note, change_the_recipe], ids=["beside", "within"]
)
def test_what_somebody_wrote_is_left(
    own,
    model,
    touch,
):
    touch(own)
    before = contents(own)
    with pytest.raises(UserError, match="somebody else"):
        write_image(ROOT, own, model, BASE)
    assert contents(own) == before


def test_a_folder_of_somebody_is_left(
    model,
    tmp_path,
):
    (tmp_path / "Dockerfile").write_text("FROM mine")
    with pytest.raises(UserError, match="Dockerfile"):
        write_image(ROOT, tmp_path, model, BASE)
    assert (tmp_path / "Dockerfile").read_text() == "FROM mine"


def test_a_written_folder_is_written_anew(
    own,
    model,
):
    write_image(ROOT, own, model, "python:3.12-slim")
    assert "FROM python:3.12-slim" in (own / "Dockerfile").read_text()


@pytest.mark.parametrize("base", ["", "python 3", "python\nUSER me"])
def test_a_base_that_is_no_name_is_refused(
    model,
    tmp_path,
    base,
):
    with pytest.raises(UserError, match="name of an image"):
        write_image(ROOT, tmp_path / "new", model, base)


def test_a_name_without_a_letter_is_refused():
    with pytest.raises(UserError, match="--name"):
        clean_image_name("便")


def test_a_missing_model_is_said(tmp_path):
    with pytest.raises(UserError, match="mlops-nb repro"):
        find_served_model(tmp_path)


@pytest.fixture
def serving(
    image,
    tmp_path,
):
    """A server of the folder's own sources, started as a container starts it."""
    variables = {
        "AZUREML_MODEL_DIR": str(image.folder / "model"),
        "MLOPS_NB_SERVE_HOST": "127.0.0.1",
        "MLOPS_NB_MODEL_NAME": "flights",
        "PATH": os.environ["PATH"],
        "PORT": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(image.folder / "app"),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "mlops_nb.serving.container", "serve"],
        cwd=tmp_path,
        env=variables,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    stop_server(process)


def test_its_sources_serve_the_model_and_end_in_good_order(serving):
    url = serving.stdout.readline().split()[0].rstrip("/")
    client = Client(url)
    wait_until_ready(client)
    answer = client.ask("POST", "/invocations", {"instances": ROWS})
    assert len(answer.said["predictions"]) == len(ROWS)
    serving.terminate()
    assert serving.wait(60) == 0
