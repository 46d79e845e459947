"""Vertex AI (Agent Platform) custom container: AIP_HEALTH_ROUTE, AIP_PREDICT_ROUTE.

Source: Google, Custom container requirements for prediction. For a server by `--url` the variables
of that name say its routes.
"""

from helpers.serving import VERTEX_ROUTES, environment_route

HEALTH = environment_route("AIP_HEALTH_ROUTE", VERTEX_ROUTES["AIP_HEALTH_ROUTE"])
PREDICT = environment_route("AIP_PREDICT_ROUTE", VERTEX_ROUTES["AIP_PREDICT_ROUTE"])


def test_health_route_answers_200(server):
    assert server.get(HEALTH).status == 200


def test_predict_route_answers_each_instance(
    server,
    rows,
):
    reply = server.post(PREDICT, {"instances": rows})
    assert len(reply.said["predictions"]) == len(rows)


def test_parameters_are_taken(
    server,
    rows,
):
    body = {"instances": rows, "parameters": {}}
    assert server.post(PREDICT, body).status == 200


def test_answer_is_json(
    server,
    rows,
):
    reply = server.post(PREDICT, {"instances": rows})
    assert reply.headers["content-type"] == "application/json"
