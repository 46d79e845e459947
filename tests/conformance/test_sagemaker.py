"""SageMaker real time: port 8080, GET /ping, POST /invocations.

Source: awsdocs/amazon-sagemaker-developer-guide, your-algorithms-inference-code.md. Not shown here:
that the image starts by `docker run IMAGE serve` as root, and the limit of 60 seconds.
"""

import time


def test_ping_answers_200(server):
    assert server.get("/ping").status == 200


def test_ping_has_no_body(server):
    assert server.get("/ping").body.strip() == b""


def test_ping_answers_within_two_seconds(server):
    started = time.monotonic()
    server.get("/ping")
    assert time.monotonic() - started < 2


def test_invocations_answers_200(
    server,
    rows,
):
    assert server.post("/invocations", {"instances": rows}).status == 200


def test_each_row_is_answered(
    server,
    rows,
):
    answered = server.post("/invocations", {"instances": rows}).said
    assert len(answered["predictions"]) == len(rows)
