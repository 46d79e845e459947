"""What an alert says, in the language of the project."""

from helpers.alert_project import FAST, drift

from mlops_nb.publishing.alerts import announce_findings

ODD = "a\nBcc: x@example.com \"<b>' $(rm)"


def test_subject_is_one_line_and_japanese(
    here,
    hook,
):
    here.settings("A_HOOK", language="ja", title="遅延便")
    here.monitored(drift(ODD))
    announce_findings(**FAST)
    one_line = ODD.replace("\n", " ")
    assert hook.got[0]["title"] == f"遅延便：新しい所見 drift.{one_line}（要注意）"
    assert "の分布が学習時から変わりました" in hook.got[0]["message"]


def test_the_command_to_copy_is_quoted(
    here,
    hook,
):
    here.settings("A_HOOK", language="ja", title="遅延便")
    here.monitored(drift(ODD))
    announce_findings(**FAST)
    quoted = "'drift.a\nBcc: x@example.com \"<b>'\"'\"' $(rm)'"
    assert f"{quoted} --dismiss" in hook.got[0]["message"]
