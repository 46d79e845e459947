"""SageMaker batch transform: CSV, JSON Lines; what comes out joins line by line with what went in.

Source: awsdocs/amazon-sagemaker-developer-guide, your-algorithms-batch-code.md.
"""

import csv
import io
import json

import pytest


def as_csv(
    rows,
    header,
):
    """Write rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(rows[0])
    writer.writerows([row.values() for row in rows])
    return text.getvalue()


def test_execution_parameters_are_told_if_at_all(server):
    reply = server.get("/execution-parameters")
    if reply.status == 404:
        pytest.skip("optional")
    wanted = {"MaxConcurrentTransforms", "BatchStrategy", "MaxPayloadInMB"}
    assert set(reply.said) == wanted


@pytest.mark.parametrize("header", [False, True], ids=["without header", "with header"])
def test_csv_is_answered_line_by_line(
    server,
    rows,
    header,
):
    reply = server.post(
        "/invocations", as_csv(rows, header), "text/csv", Accept="text/csv"
    )
    assert len(reply.body.splitlines()) == len(rows)


def test_json_lines_are_answered_line_by_line(
    server,
    rows,
):
    lines = "\n".join(json.dumps(row) for row in rows)
    reply = server.post(
        "/invocations", lines, "application/jsonlines", Accept="application/jsonlines"
    )
    assert len([json.loads(line) for line in reply.body.splitlines()]) == len(rows)


def test_csv_gets_the_answer_of_json(
    server,
    rows,
):
    of_json = server.post("/invocations", {"dataframe_records": rows}).said
    of_csv = server.post("/invocations", as_csv(rows, True), "text/csv").said
    assert of_csv == of_json
