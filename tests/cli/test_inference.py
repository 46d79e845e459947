"""What is inferred of a table is right, or asked about."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, load_wine

from mlops_nb.cli import inference
from mlops_nb.cli.column_inference import find_yes
from mlops_nb.cli.doubts import Answers
from mlops_nb.cli.inference import infer_project
from mlops_nb.cli.time_inference import find_time
from mlops_nb.data.cell_inference import infer_cells


def make_kinds(rows=120):
    """Three kinds, of which `x` tells one, `half` a part of another."""
    rng = np.random.default_rng(0)
    kinds = np.repeat(["a", "b", "c"], rows // 3)
    x = np.where(kinds == "a", 9, 0) + rng.normal(size=rows)
    half = np.where(kinds == "b", 2, 0) + rng.normal(size=rows)
    return pd.DataFrame({"x": x, "half": half, "kind": kinds})


def infer(
    frame,
    target,
    time=None,
):
    """What is inferred of a table."""
    return infer_project(frame, target, time)[0]


@pytest.mark.parametrize(
    ("frame", "target"),
    [
        pytest.param(make_kinds(), "kind", id="one kind of three"),
        pytest.param(load_iris(as_frame=True).frame, "target", id="iris"),
        pytest.param(load_wine(as_frame=True).frame, "target", id="wine"),
        pytest.param(load_breast_cancer(as_frame=True).frame, "target", id="tumours"),
    ],
)
def test_a_class_that_is_easy_to_tell_is_no_leak(
    frame,
    target,
):
    """The columns stay features; that they are strong is asked about."""
    found = infer(frame, target)
    assert found.exclude == {}
    assert "Are they known in advance?" in found.notes[0]


def test_a_strong_column_is_told_by_what_it_reaches():
    said = infer(make_kinds(), "kind").notes[0]
    assert "x (accuracy 64.4%, AUC 1.000)" in said


RNG = np.random.default_rng(1)
KIND = RNG.choice(["a", "b", "c", "d"], 400)
TOLD = pd.DataFrame({"kind": KIND, "x": RNG.normal(size=400)})
ODD = np.flatnonzero(KIND == "a")[:2]  # the two rows that a column gets wrong


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(pd.Series(KIND).map({"a": 7, "b": 1, "c": 9, "d": 3}), id="codes"),
        pytest.param(pd.Series(KIND).str.upper(), id="names"),
        pytest.param(pd.Series(KIND).mask(KIND == "a"), id="names and gaps"),
        pytest.param(pd.Series(KIND).where(~TOLD.index.isin(ODD), "b"), id="nearly"),
    ],
)
def test_a_column_that_tells_every_class_is_a_leak(told):
    found = infer(TOLD.assign(told=told), "kind")
    assert found.suspects == ("told",)
    assert found.exclude["told"].startswith("predicts `kind` alone (accuracy ")


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_a_field_that_is_filled_in_afterwards_is_a_leak(share):
    left = RNG.random(2000) < share
    frame = pd.DataFrame({"x": RNG.normal(size=2000), "left": left.astype(int)})
    frame["fee"] = np.where(left, RNG.gamma(2, 9, 2000), np.nan)
    assert infer(frame, "left").suspects == ("fee",)


def test_targets_that_are_blank_make_no_leak():
    """A column missing where the target is missing tells nothing of it."""
    rows = 600
    use = pd.Series(RNG.choice(["never", "daily", "weekly"], rows), dtype=object)
    dose = pd.Series(RNG.normal(size=rows))
    use[:9] = np.nan
    dose[:9] = np.nan
    assert infer(pd.DataFrame({"dose": dose, "use": use}), "use").exclude == {}


def make_growth(rows=160):
    """Two quantities that grow, and one of them with tax."""
    rng = np.random.default_rng(0)
    sales = (1 + rng.normal(0.02, 0.01, rows)).cumprod() * 100
    people = (1 + rng.normal(0.02, 0.01, rows)).cumprod() * 9
    days = pd.date_range("2001-01-01", periods=rows, freq="MS")
    return pd.DataFrame(
        {"day": days, "people": people, "taxed": sales * 1.1, "sales": sales}
    )


def test_what_grows_alike_is_no_leak():
    """Both order the months alike; the changes of only one follow those of the target."""
    assert infer(make_growth(), "sales").suspects == ("taxed",)


def test_a_close_quantity_is_asked_about():
    """Jobs and sales of states have nearly one order; neither is the other in disguise."""
    rng = np.random.default_rng(0)
    size = rng.gamma(1, 9, 500) + 1
    states = pd.DataFrame({"jobs": size * rng.normal(1, 0.15, 500), "sales": size})
    found = infer(states, "sales")
    assert found.suspects == ()
    assert "jobs (|ρ| 0.98" in found.notes[0]


def test_the_strongest_is_asked_about_first():
    frame = make_kinds()
    told = frame.kind.mask(frame.index.isin([0, 50, 100]), "odd")
    said = infer(frame.assign(told=told), "kind").notes[0]
    assert said.startswith("strong alone, and kept: told (accuracy 96.7%")


BLANKS = [f"K{i}A {i % 10}B{i}" for i in range(60)]
MAILS = [f"p{i}@shop.example" for i in range(60)]
NUMBERED = [f"INV 2024 {i:04}" for i in range(60)]
LETTERS = [*map("".join, product("ABCDEFGHIJ", "UVWXYZ", "Q"))]
NAMES = [
    *map("".join, product(["An", "Be", "Cla", "Do"], ["na", "nia", "ra"], ["", "h"]))
]
CODES = {"blanks": BLANKS, "mails": MAILS, "numbered": NUMBERED, "letters": LETTERS}


@pytest.mark.parametrize("codes", CODES.values(), ids=CODES)
def test_codes_name_rows(codes):
    frame = pd.DataFrame({"which": codes, "x": RNG.normal(size=60), "y": [0, 1] * 30})
    assert infer(frame, "y").keys == ("which",)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        pytest.param("first_name", NAMES, id="names"),
        pytest.param("paid", [i * 997 % 1009 for i in range(24)], id="amounts"),
        pytest.param("at", [f"{i}th Street" for i in range(24)], id="addresses"),
    ],
)
def test_what_happens_to_differ_names_no_rows(
    name,
    values,
):
    frame = pd.DataFrame({name: values, "x": RNG.normal(size=24), "y": [0, 1] * 12})
    assert infer(frame, "y").keys == ()


@pytest.mark.parametrize("name", ["idNum", "BandNumber", "order_no", "UUID", "uuid"])
def test_names_of_keys_are_seen(name):
    numbers = RNG.permutation(10**6)[:60]
    frame = pd.DataFrame({name: numbers, "x": RNG.normal(size=60), "y": [0, 1] * 30})
    assert infer(frame, "y").keys == (name,)


def infer_labels(
    name,
    rare,
    frequent,
):
    """What is inferred of a target of which every fourth label is the rare one."""
    labels = np.where(np.arange(200) % 4 == 0, rare, frequent)
    frame = pd.DataFrame({"x": RNG.normal(size=200), name: labels})
    return infer(frame, name)


@pytest.mark.parametrize(
    ("name", "rare", "frequent", "positive"),
    [
        pytest.param("test", "negative", "positive", "positive", id="positive"),
        pytest.param("baja", "No", "Sí", "Sí", id="Spanish"),
        pytest.param("résilié", "Non", "Oui", "Oui", id="French"),
        pytest.param("zahlt", "Nein", "Ja", "Ja", id="German"),
        pytest.param("result", "fail", "pass", "pass", id="pass"),
        pytest.param("survived", "died", "survived", "survived", id="its name"),
        pytest.param("is_late", "on time", "late", "late", id="its name behind is"),
        pytest.param("state", "unpaid", "paid", "paid", id="negation"),
        pytest.param("left", "no", "moved", "moved", id="the other is no"),
    ],
)
def test_the_word_for_yes_counts_as_yes(
    name,
    rare,
    frequent,
    positive,
):
    """However frequent it is; nothing is left to say about it."""
    found = infer_labels(name, rare, frequent)
    assert found.positive == positive
    assert found.notes == ()


def test_a_guess_of_what_counts_as_yes_is_said():
    found = infer_labels("status", "Current", "Charged Off")
    assert found.positive == "Current"
    assert "--positive 'Charged Off' takes the other" in found.notes[0]


def test_rows_without_a_target_are_counted():
    frame = pd.DataFrame({"x": RNG.normal(size=200), "y": [None, 0, 1, 1] * 50})
    assert "50 of 200 rows have no target" in infer(frame, "y").notes[0]


def test_a_class_of_too_few_rows_is_said():
    frame = pd.DataFrame({"x": RNG.normal(size=200), "y": [1, 1, 1] + [0] * 197})
    assert "of so few nothing can be learned" in " ".join(infer(frame, "y").notes)


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        pytest.param(["high", "mid", "mid", "NA"], [], id="frequent"),
        pytest.param(["high", "mid"] * 20 + ["NA"], ["NA"], id="rare"),
        pytest.param(["high", "mid", "", "NA"], ["NA"], id="besides blanks"),
    ],
)
def test_a_frequent_word_is_a_class_of_a_target(
    values,
    missing,
):
    """A blank around one text makes a rule in any case."""
    written = pd.Series([" mid", *values * 10], name="grade")
    assert infer_cells(written, is_target=True).rule.missing == missing


def make_contracts(rows=600):
    """Contracts with the day on which each began, and for some the day on which it ended."""
    rng = np.random.default_rng(0)
    ended = rng.random(rows) < 0.3
    days = rng.integers(1, 90, rows)
    signed = pd.Series(pd.date_range("2023-01-01", periods=rows))
    end = signed + pd.to_timedelta(days, "D")
    return pd.DataFrame(
        {
            "signed_at": signed.dt.strftime("%Y-%m-%d"),
            "cancelled_at": end.where(ended).dt.strftime("%Y-%m-%d"),
            "closed_on": end,
            "days": days,
            "churned": np.where(ended, "yes", "no"),
        }
    )


def test_a_date_that_only_some_have_afterwards_is_a_leak():
    frame = make_contracts()[["signed_at", "cancelled_at", "churned"]]
    found = infer(frame, "churned")
    assert found.suspects == ("cancelled_at",)
    assert found.exclude["cancelled_at"].startswith(
        "predicts `churned` alone (by whether it is filled in: accuracy 100.0%"
    )
    assert found.time == "signed_at"


def test_a_date_that_only_some_have_is_no_time():
    """The rows of the others would be in no window, without a word."""
    frame = make_contracts()[["cancelled_at", "days", "churned"]]
    found = infer(frame, "churned")
    assert found.time is None
    assert found.suspects == ("cancelled_at",)
    assert "filled in only 27% of the rows, and that alone predicts" in found.notes[0]


def test_a_date_with_gaps_by_chance_is_doubted_as_time():
    frame = make_contracts()[["signed_at", "churned"]]
    frame["signed_at"] = frame.signed_at.where(RNG.random(len(frame)) < 0.4)
    found = infer(frame, "churned")
    assert found.time is None
    assert [doubt.about for doubt in found.doubts] == ["time"]
    named = infer(frame, "churned", time="signed_at")
    assert named.time == "signed_at"
    assert "rows have no `signed_at` and no window" in named.notes[0]


@pytest.mark.parametrize("as_texts", [True, False])
def test_the_end_of_a_duration_is_a_leak_and_its_start_the_time(as_texts):
    frame = make_contracts()[["signed_at", "closed_on", "days"]]
    if as_texts:
        frame["closed_on"] = frame.closed_on.astype(str)
    found = infer(frame, "days")
    assert found.time == "signed_at"
    assert "as `closed_on` less `signed_at`: |ρ| 1.000" in found.exclude["closed_on"]


def test_a_date_that_leaks_is_answered_for():
    """It stays no feature, and whoever made one of it is not stopped by the leak test."""
    frame = make_contracts()[["signed_at", "cancelled_at", "churned"]]
    answers = Answers({"known cancelled_at": "yes"}, "Ada")
    found, contract = infer_project(frame, "churned", answers=answers)
    assert found.suspects == ()
    assert found.exclude["cancelled_at"].startswith(
        "a time: it is filled in only where"
    )
    assert contract.leak_ok == ("cancelled_at",)


CLOCKS = RNG.integers(0, 1440, 300)


def write_clocks(
    form,
    minutes=CLOCKS,
):
    """Write minutes of the day as times of the day."""
    return [f"{pd.Timestamp(60 * 10**9 * i):{form}}" for i in minutes]


FORMS = {
    "24 hours": write_clocks("%H:%M"),
    "no zero": write_clocks("%-H:%M"),
    "seconds": write_clocks("%H:%M:%S"),
    "12 hours": write_clocks("%I:%M %p"),
    "all differ": write_clocks("%H:%M", RNG.permutation(1440)[:300]),
}


@pytest.mark.parametrize("written", FORMS.values(), ids=FORMS)
def test_times_of_the_day_are_told_as_these(written):
    frame = pd.DataFrame({"at": written, "x": RNG.normal(size=300), "y": [0, 1] * 150})
    found = infer(frame, "y")
    assert found.exclude["at"].startswith("a time of the day: such as ")
    assert found.clocks == ("at",)
    assert found.keys == ()


def test_a_time_of_the_day_that_leaks_is_no_feature():
    late = CLOCKS > 1000
    frame = pd.DataFrame({"came": FORMS["24 hours"], "x": CLOCKS % 7, "late": late})
    found = infer(frame, "late")
    assert found.suspects == ("came",)
    assert found.clocks == ()


def test_few_times_of_the_day_are_names():
    shifts = pd.DataFrame({"shift": ["06:00", "14:00", "22:00"] * 90})
    frame = shifts.assign(x=RNG.normal(size=270), y=[0, 1] * 135)
    assert infer(frame, "y").exclude == {}


POSTCODES = [f"{chr(65 + i % 20)}{i % 7 + 1} {i % 10}AB{i}" for i in range(300)]


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        pytest.param(POSTCODES, "too many names to learn from: 99.", id="codes"),
        pytest.param(
            [f"Name{i}" for i in range(300)], "too many names", id="names of one word"
        ),
        pytest.param(
            [f"called and asked for {i}" for i in range(300)], "free text: ", id="text"
        ),
    ],
)
def test_what_nearly_all_differs_is_told_as_what_it_is(
    texts,
    told,
):
    texts = [*texts[:-1], texts[0]]
    frame = pd.DataFrame({"z": texts, "x": RNG.normal(size=300), "y": [0, 1] * 150})
    assert infer(frame, "y").exclude["z"].startswith(told)


def test_words_for_a_lost_target_are_listed():
    frame = pd.DataFrame({"x": range(60), "y": [1, None, 0] * 20})
    lost = {"unknown": 15, "": 4, "n/a": 1}
    found, _ = infer_project(frame, "y", lost=lost)
    assert found.notes[0] == (
        "20 of 60 rows have no target ('unknown' 15 times, empty 4 times, 'n/a' once): they are not"
        " used for training"
    )


YES_AND_NO = json.loads((Path(inference.__file__).parent / "yes_no.json").read_text())


@pytest.mark.parametrize("words", YES_AND_NO.values(), ids=YES_AND_NO)
def test_the_words_of_every_language_count_whichever_is_rarer(words):
    for yes, other in zip(words["yes"], words["no"], strict=False):
        for pair in ((yes, other), (other, yes), (yes.upper(), other.upper())):
            assert find_yes(pair).casefold() == yes


def test_no_word_means_yes_and_no_by_itself():
    """A short word may, as `e` of Turkish and Finnish: it counts beside its partner only."""
    yes = {word for pair in YES_AND_NO.values() for word in pair["yes"]}
    both = [word for pair in YES_AND_NO.values() for word in pair["no"] if word in yes]
    assert all(len(word) < 3 for word in both)


@pytest.mark.parametrize("pair", ["ab", "jk", "ep", "xs"])
def test_codes_of_a_letter_are_no_words(pair):
    assert find_yes(pair) is None


def test_both_words_are_said():
    found = infer_labels("baja", "No", "Sí")
    assert found.negative == "No"
    assert found.evidence["positive"] == (
        "the words for yes and no in Spanish, Catalan: Sí in 150 of 200 rows, No in the others"
    )


def test_a_date_of_what_happened_to_some_classes_is_warned_of():
    """It tells a part of the target, so that it is no suspect, and nobody is invited to use it."""
    rng = np.random.default_rng(0)
    status = rng.choice(["open", "won", "lost"], 600)
    frame = make_contracts()[["signed_at", "closed_on"]].assign(status=status)
    frame["closed_on"] = frame.closed_on.where(status != "open")
    found = infer(frame, "status", "signed_at")
    assert found.exclude["closed_on"] == (
        "a time: it is filled in only where `status` is lost, won; is that known in advance?"
    )


def test_of_two_epochs_the_early_one_is_the_time():
    start = np.arange(1_700_000_000, 1_700_000_000 + 600 * 9000, 9000)
    took = RNG.gamma(2, 900, 600).round()
    frame = pd.DataFrame({"start_ts": start, "end_ts": start + took, "took": took})
    found = infer(frame, "took")
    assert found.time == "start_ts"
    assert found.suspects == ("end_ts",)


@pytest.mark.parametrize("name", ["date_of_birth", "dob", "Geburtsdatum", "生年月日"])
def test_when_somebody_was_born_is_not_when_the_row_was_written(name):
    """Otherwise the model would be judged on the youngest."""
    days = pd.Timestamp("1960-01-01") + pd.to_timedelta(np.arange(300) * 7, unit="D")
    frame = pd.DataFrame({name: days, "x": np.arange(300) % 7, "y": np.arange(300) % 2})
    found = find_time(frame, "y")
    assert found.column is None
    assert "born" in found.doubts[name]
    assert find_time(frame, "y", name).column == name
