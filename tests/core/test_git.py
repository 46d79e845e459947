"""What git and DVC say is told; what nobody else may read in it is not."""

import pytest

from mlops_nb.core.errors import UserError, mask_credentials
from mlops_nb.core.git import run_dvc, run_git
from mlops_nb.core.project import project_root

ADDRESS = "http://ci:FAKE@127.0.0.1:9/x.git"
SECRETS = {
    "password": ADDRESS,
    "token alone": "https://FAKE@git.example.com/x",
    "@ in a password": "https://ci:FAKE@FAKE@git.example.com/x",
    "two addresses": "https://a:FAKE@x/y, then https://b:FAKE@x/z",
    "query": "https://store.example.com/c?sv=1&sig=FAKE&x=2",
    "header": "Authorization: Bearer FAKE",
    "a header of GitLab": "PRIVATE-TOKEN: FAKE",
}


@pytest.mark.parametrize("said", SECRETS.values(), ids=SECRETS)
def test_credentials_are_masked(said):
    error = UserError(expected=f"a push to {said}", found=said, remedy=said)
    assert "FAKE" not in str(error) + repr(error)


@pytest.mark.parametrize(
    "said",
    ["git@host:x.git", "ssh://git@host/x.git", "mail ada@example.com", "a/b?x=1&y=2"],
)
def test_what_is_no_secret_stays(said):
    assert mask_credentials(said) == said


def test_an_error_of_git_tells_no_password():
    with pytest.raises(UserError) as refused:
        run_git("ls-remote", ADDRESS)
    assert "127.0.0.1" in refused.value.found
    assert "FAKE" not in str(refused.value)


def test_an_error_of_dvc_tells_no_password(tmp_path):
    with pytest.raises(UserError) as refused:
        run_dvc(project_root(), "get", ADDRESS, "data", "-o", str(tmp_path / "data"))
    assert "127.0.0.1" in refused.value.found
    assert "FAKE" not in str(refused.value)
