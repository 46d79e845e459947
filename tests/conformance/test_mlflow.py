"""MLflow scoring: /ping, /health, /version, POST /invocations.

Source: mlflow/mlflow, mlflow/pyfunc/scoring_server/__init__.py.
"""

import pytest


@pytest.mark.parametrize("path", ["/ping", "/health", "/version"])
def test_server_tells_about_itself(
    server,
    path,
):
    assert server.get(path).status == 200


def columns_of(rows):
    """The same table, column by column."""
    columns = {}
    for name in rows[0]:
        columns[name] = [row[name] for row in rows]
    return columns


def forms(rows):
    """The bodies that mean these rows."""
    data = [list(row.values()) for row in rows]
    return {
        "dataframe_split": {"columns": list(rows[0]), "data": data},
        "dataframe_records": rows,
        "instances": rows,
        "inputs": columns_of(rows),
    }


FORMS = ["dataframe_split", "dataframe_records", "instances", "inputs"]


@pytest.mark.parametrize("form", FORMS, ids=FORMS)
def test_each_form_is_answered_row_by_row(
    server,
    rows,
    form,
):
    reply = server.post("/invocations", {form: forms(rows)[form]})
    assert len(reply.said["predictions"]) == len(rows)


@pytest.mark.parametrize("form", FORMS, ids=FORMS)
def test_forms_have_one_answer(
    server,
    rows,
    form,
):
    usual = server.post("/invocations", {"dataframe_records": rows}).said
    assert server.post("/invocations", {form: forms(rows)[form]}).said == usual


def test_two_forms_at_once_are_400(
    server,
    rows,
):
    body = {"instances": rows, "dataframe_records": rows}
    assert server.post("/invocations", body).status == 400


def test_other_content_type_is_415(server):
    assert server.post("/invocations", b"x", "application/x-parquet").status == 415


def test_other_charset_is_415(server):
    media = "application/json; charset=latin-1"
    assert server.post("/invocations", b"{}", media).status == 415


def test_error_has_a_message(server):
    assert isinstance(server.post("/invocations", "{").said["message"], str)
