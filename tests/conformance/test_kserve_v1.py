"""KServe V1: port 8080, GET /, /v1/models, POST /v1/models/M:predict.

Source: kserve/website, data-plane/v1-protocol; kserve/kserve, python/kserve/kserve/protocol/rest.
The verb `:explain` is optional and not asked for.
"""


def test_root_is_alive(server):
    assert server.get("/").status == 200


def test_models_are_listed(server):
    assert server.get("/v1/models").said["models"] == [server.name]


def test_model_is_ready(server):
    reply = server.get(f"/v1/models/{server.name}")
    assert reply.said == {"name": server.name, "ready": True}


def test_predict_answers_each_instance(
    server,
    rows,
):
    reply = server.post(f"/v1/models/{server.name}:predict", {"instances": rows})
    assert len(reply.said["predictions"]) == len(rows)


def test_inputs_are_instances_too(
    server,
    rows,
):
    path = f"/v1/models/{server.name}:predict"
    of_inputs = server.post(path, {"inputs": rows}).said
    assert of_inputs == server.post(path, {"instances": rows}).said


def test_unknown_model_is_404(
    server,
    rows,
):
    path = "/v1/models/no-such-model:predict"
    assert server.post(path, {"instances": rows}).status == 404


def test_error_is_a_sentence(server):
    path = f"/v1/models/{server.name}:predict"
    assert isinstance(server.post(path, "{").said["error"], str)


def test_no_json_is_400(server):
    assert server.post(f"/v1/models/{server.name}:predict", "{").status == 400
