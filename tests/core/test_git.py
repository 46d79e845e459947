"""What git and DVC say is told; what nobody else may read in it is not."""

import io

import pytest

from mlops_nb.core.console import MaskedStream
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
    "a setting of AWS": "aws_secret_access_key = FAKE/x+y",
    "an answer of AWS": '<Code>InvalidAccessKeyId</Code> "AccessKeyId": "FAKE"',
    "a setting of Azure": "AccountKey=FAKE==;EndpointSuffix=x",
    "a password": "psycopg2: host=db password=FAKE user=ada",
}
KNOWN_TOKENS = {
    "AWS": "AKIAIOSFODNN7EXAMPLE",
    "AWS, for a time": "ASIAIOSFODNN7EXAMPLE",
    "GitHub": "ghp_" + "a1B2" * 9,
    "GitHub, fine-grained": "github_pat_" + "a1B2_" * 9,
    "GitLab": "glpat-" + "a1B2" * 5,
}


@pytest.mark.parametrize("said", SECRETS.values(), ids=SECRETS)
def test_credentials_are_masked(said):
    error = UserError(expected=f"a push to {said}", found=said, remedy=said)
    assert "FAKE" not in str(error) + repr(error)


@pytest.mark.parametrize("token", KNOWN_TOKENS.values(), ids=KNOWN_TOKENS)
def test_a_token_is_known_by_its_beginning(token):
    said = f"(InvalidAccessKeyId) when calling PutObject: {token} does not exist"
    assert token not in mask_credentials(said)


@pytest.mark.parametrize(
    "said",
    [
        "git@host:x.git",
        "ssh://git@host/x.git",
        "mail ada@example.com",
        "a/b?x=1&y=2",
        "the column password: 3 missing",
        "key: order_id",
        "token = word",
    ],
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


def test_half_an_address_is_masked_too(tmp_path):
    """What git says is cut; the password in front of the cut must not lose its address."""
    remote = "http://ci:" + "FAKE" * 200 + "@127.0.0.1:9/x.git"
    with pytest.raises(UserError) as refused:
        run_git("fetch", remote, cwd=tmp_path)
    assert "FAKE" not in str(refused.value)


def test_a_masked_stream_is_one_like_any_other():
    shown = io.StringIO()
    stream = MaskedStream(shown)
    print("at", "https://ci:FAKE@host/x", file=stream)
    stream.writelines(["https://ci:FAKE@host/y", "\n"])
    assert shown.getvalue() == "at https://***@host/x\nhttps://***@host/y\n"
    assert not stream.isatty()
