"""A project that announces its findings, a mail server and an HTTP receiver."""

import pytest
from helpers.alert_project import AlertProject
from helpers.receivers import hook_address, mail_address, start_hook, start_mail, stop


@pytest.fixture
def here(
    tmp_path,
    monkeypatch,
):
    """Return a project that is the one of this process."""
    pytest.importorskip("apprise", reason="no apprise: pip install 'mlops_nb[alerts]'")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    project = AlertProject(tmp_path / "project")
    monkeypatch.setenv("MLOPS_NB_ROOT", str(project.top))
    return project


@pytest.fixture
def mail(monkeypatch):
    """Return a mail server, the target A_MAIL."""
    server = start_mail()
    monkeypatch.setenv("A_MAIL", mail_address(server.server_address[1]))
    yield server
    stop(server)


@pytest.fixture
def hook(monkeypatch):
    """Return an HTTP receiver, the target A_HOOK."""
    server = start_hook()
    monkeypatch.setenv("A_HOOK", hook_address(server.server_port))
    yield server
    stop(server)
