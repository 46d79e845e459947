"""Azure ML online endpoint: routes that the deployment's inference_config names.

Source: MicrosoftDocs/azure-docs, how-to-deploy-custom-container.md. The usual values here are our
own; AZURE_LIVENESS_ROUTE, AZURE_READINESS_ROUTE and AZURE_SCORING_ROUTE name others. That
/swagger.json is read by the platform was not verified.
"""

from helpers.serving import environment_route

LIVE = environment_route("AZURE_LIVENESS_ROUTE", "/v2/health/live")
READY = environment_route("AZURE_READINESS_ROUTE", "/v2/health/ready")
SCORE = environment_route("AZURE_SCORING_ROUTE", "/score")


def test_liveness_route_answers_200(server):
    assert server.get(LIVE).status == 200


def test_readiness_route_answers_200(server):
    assert server.get(READY).status == 200


def test_scoring_route_answers_200(
    server,
    rows,
):
    assert server.post(SCORE, {"instances": rows}).status == 200
