"""Open Inference Protocol v2: health, metadata, POST /v2/models/M[/versions/V]/infer.

Source: kserve/open-inference-protocol, specification/protocol/inference_rest.md.
"""

import pytest


def tensors(
    rows,
    nested=False,
):
    """Write rows as a tensor a column."""
    inputs = []
    for name in rows[0]:
        values = [row[name] for row in rows]
        is_text = any(isinstance(value, str) for value in values)
        data = [[value] for value in values] if nested else values
        shape = [len(values), 1] if nested else [len(values)]
        datatype = "BYTES" if is_text else "FP64"
        tensor = {"name": name, "shape": shape, "datatype": datatype, "data": data}
        inputs.append(tensor)
    return {"id": "42", "inputs": inputs}


@pytest.fixture(scope="module")
def path(server):
    """The path of the model."""
    return f"/v2/models/{server.name}"


@pytest.mark.parametrize("name", ["live", "ready"])
def test_health_answers_200(
    server,
    name,
):
    assert server.get(f"/v2/health/{name}").status == 200


def test_server_metadata_has_its_words(server):
    assert {"name", "version", "extensions"} <= set(server.get("/v2").said)


def test_model_metadata_has_its_words(
    server,
    path,
):
    assert {"name", "platform", "inputs", "outputs"} <= set(server.get(path).said)


def test_model_is_ready(
    server,
    path,
):
    assert server.get(f"{path}/ready").status == 200


@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
def test_infer_answers_each_row(
    server,
    path,
    rows,
    nested,
):
    reply = server.post(f"{path}/infer", tensors(rows, nested))
    assert reply.said["outputs"][0]["shape"][0] == len(rows)


def test_id_is_repeated(
    server,
    path,
    rows,
):
    assert server.post(f"{path}/infer", tensors(rows)).said["id"] == "42"


def test_model_is_named(
    server,
    path,
    rows,
):
    said = server.post(f"{path}/infer", tensors(rows)).said
    assert said["model_name"] == server.name


def test_version_has_a_path(
    server,
    path,
    rows,
):
    version = server.post(f"{path}/infer", tensors(rows)).said.get("model_version")
    if not version:
        pytest.skip("optional")
    reply = server.post(f"{path}/versions/{version}/infer", tensors(rows))
    assert reply.status == 200


def test_only_requested_outputs_come(
    server,
    path,
    rows,
):
    first = server.get(path).said["outputs"][0]["name"]
    body = tensors(rows) | {"outputs": [{"name": first}]}
    said = server.post(f"{path}/infer", body).said
    assert [output["name"] for output in said["outputs"]] == [first]


def test_wrong_number_of_values_is_400(
    server,
    path,
    rows,
):
    body = tensors(rows)
    body["inputs"][0]["shape"] = [len(rows) + 1]
    assert server.post(f"{path}/infer", body).status == 400


def test_error_is_a_sentence(
    server,
    path,
):
    assert isinstance(server.post(f"{path}/infer", "{").said["error"], str)


def test_unknown_model_is_404(server):
    assert server.post("/v2/models/no-such-model/infer", {}).status == 404
