"""The files of SageMaker Model Monitor: published shape, pandas' numbers, read without trust.

The JSON schemas are written from the developer guide (docs.aws.amazon.com/sagemaker/latest/dg/):
model-monitor-byoc-statistics.html, model-monitor-byoc-constraints.html and
model-monitor-interpreting-violations.html.
"""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies
from jsonschema import Draft202012Validator
from scipy import stats

from mlops_nb.core.errors import UserError
from mlops_nb.core.files import write_json
from mlops_nb.data.profile import profile_table
from mlops_nb.monitoring import sagemaker_constraints as sagemaker_module
from mlops_nb.monitoring.reference import build_reference
from mlops_nb.monitoring.sagemaker_constraints import (
    build_constraints,
    parse_constraints,
    read_constraints,
)
from mlops_nb.monitoring.sagemaker_statistics import MAX_SKETCH_VALUES, build_statistics
from mlops_nb.monitoring.sagemaker_violations import (
    find_violations,
    write_sagemaker_files,
)
from mlops_nb.monitoring.thresholds import MIN_MISSING_THRESHOLD

COUNT = {"type": "integer", "minimum": 0}
NUMBER = {"type": "number"}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
TEXT = {"type": "string"}
SWITCH = {"enum": ["Enabled", "Disabled"]}


def obj(
    need,
    **more,
):
    """An object with exactly these keys."""
    return {
        "type": "object",
        "properties": need | more,
        "required": [*need],
        "additionalProperties": False,
    }


def many(items):
    """A list of items of one kind."""
    return {"type": "array", "items": items}


COMMON = obj({"num_present": COUNT, "num_missing": COUNT})
KLL = obj(
    {
        "buckets": many(
            obj({"lower_bound": NUMBER, "upper_bound": NUMBER, "count": COUNT})
        ),
        "sketch": obj(
            {"parameters": obj({"c": NUMBER, "k": NUMBER}), "data": many(many(NUMBER))}
        ),
    }
)
NUMERICAL = obj(
    {
        "common": COMMON,
        "mean": NUMBER,
        "sum": NUMBER,
        "std_dev": NUMBER,
        "min": NUMBER,
        "max": NUMBER,
        "distribution": obj({"kll": KLL}),
    }
)
STRING = obj(
    {
        "common": COMMON,
        "distinct_count": NUMBER,
        "distribution": obj(
            {
                "categorical": obj(
                    {"buckets": many(obj({"value": TEXT, "count": COUNT}))}
                )
            }
        ),
    }
)
NUMBER_FEATURE = obj(
    {
        "name": TEXT,
        "inferred_type": {"enum": ["Fractional", "Integral"]},
        "numerical_statistics": NUMERICAL,
    }
)
TEXT_FEATURE = obj(
    {"name": TEXT, "inferred_type": {"const": "String"}, "string_statistics": STRING}
)
EMPTY_FEATURE = obj({"name": TEXT, "inferred_type": {"const": "Unknown"}})
STATISTICS = obj(
    {
        "version": NUMBER,
        "dataset": obj({"item_count": COUNT}),
        "features": many({"oneOf": [NUMBER_FEATURE, TEXT_FEATURE, EMPTY_FEATURE]}),
    }
)
DISTRIBUTION = obj(
    {
        "perform_comparison": SWITCH,
        "comparison_threshold": NUMBER,
        "comparison_method": {"enum": ["Simple", "Robust"]},
        "categorical_comparison_threshold": NUMBER,
        "categorical_drift_method": {"enum": ["LInfinity", "ChiSquared"]},
    }
)
CONSTRAINED_FEATURE = obj(
    {
        "name": TEXT,
        "inferred_type": {"enum": ["Integral", "Fractional", "String", "Unknown"]},
        "completeness": SHARE,
    },
    num_constraints=obj({"is_non_negative": {"type": "boolean"}}),
    string_constraints=obj({"domains": many(TEXT)}),
)
MONITORING_CONFIG = obj(
    {
        "evaluate_constraints": SWITCH,
        "emit_metrics": SWITCH,
        "datatype_check_threshold": SHARE,
        "domain_content_threshold": SHARE,
        "distribution_constraints": DISTRIBUTION,
    }
)
CONSTRAINTS = obj(
    {
        "version": NUMBER,
        "features": many(CONSTRAINED_FEATURE),
        "monitoring_config": MONITORING_CONFIG,
    }
)
CHECKS = [
    "data_type_check",
    "completeness_check",
    "baseline_drift_check",
    "missing_column_check",
    "extra_column_check",
    "categorical_values_check",
]
VIOLATIONS = obj(
    {
        "violations": many(
            obj(
                {
                    "feature_name": TEXT,
                    "constraint_check_type": {"enum": CHECKS},
                    "description": TEXT,
                }
            )
        )
    }
)


def valid(
    got,
    schema,
):
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(json.dumps(got, allow_nan=False)))
    return got


FIRST_DAY = pd.Timestamp("2024-01-01")
CONSTANT_COLUMNS = {"gone": None, "same": 4.5, 'a "b"\n<i>': 1}


def odd(seed=0):
    """A table of all kinds of columns."""
    rng = np.random.default_rng(seed)
    n = 3000
    number = np.arange(n)
    days = pd.to_timedelta(number // 50, unit="D")
    table = pd.DataFrame({"fare": rng.gamma(3, 20, n), "stops": rng.integers(0, 3, n)})
    table["id"] = number * 7
    table["debt"] = rng.normal(size=n)
    table["flag"] = rng.random(n) < 0.3
    table["route"] = rng.choice(["A", "<b>", 'a"\n'], n)
    table["name"] = [f"n{i}" for i in range(n)]
    table["day"] = FIRST_DAY + days
    table["enormous"] = rng.choice([1e308, -1e308, 1.0], n)
    table["inf"] = np.where(number % 2, np.inf, np.nan)
    table["half"] = table.fare.where(table.index % 3 > 0)
    return table.assign(**CONSTANT_COLUMNS)


TYPES = {
    "fare": "Fractional",
    "stops": "Integral",
    "id": "Integral",
    "debt": "Fractional",
    "flag": "Integral",
    "route": "String",
    "name": "String",
    "day": "Integral",
    "gone": "Unknown",
    "same": "Fractional",
    "enormous": "Integral",
    "inf": "Unknown",
    'a "b"\n<i>': "Integral",
    "half": "Fractional",
}


@pytest.fixture(scope="module")
def table():
    return odd()


@pytest.fixture(scope="module")
def profile(table):
    return profile_table(table)


@pytest.fixture(scope="module")
def features(profile):
    """The statistics of every column, by its name."""
    got = valid(build_statistics(profile, whole=["id"]), STATISTICS)
    return {feature["name"]: feature for feature in got["features"]}


def test_every_column_has_its_type(
    table,
    profile,
    features,
):
    assert [*features] == [*table]
    assert build_statistics(profile)["dataset"]["item_count"] == 3000
    assert {
        name: feature["inferred_type"] for name, feature in features.items()
    } == TYPES


each_number = pytest.mark.parametrize(
    "column", ["fare", "stops", "id", "debt", "same", "half"]
)


@each_number
def test_statistics_are_those_of_pandas(
    table,
    features,
    column,
):
    got = features[column]["numerical_statistics"]
    values = table[column].dropna().astype(float)
    missing = len(table) - len(values)
    assert got["common"] == {"num_present": len(values), "num_missing": missing}
    moments = [got["mean"], got["sum"], got["std_dev"]]
    expected = [values.mean(), values.sum(), values.std(ddof=0)]
    assert np.allclose(moments, expected, rtol=1e-9, atol=1e-9)
    assert (got["min"], got["max"]) == (values.min(), values.max())


@each_number
def test_buckets_are_those_of_numpy(
    table,
    profile,
    features,
    column,
):
    got = features[column]["numerical_statistics"]
    values = table[column].dropna().astype(float)
    buckets = got["distribution"]["kll"]["buckets"]
    edges = np.array([bucket["lower_bound"] for bucket in buckets] + [got["max"]])
    counts = np.array([bucket["count"] for bucket in buckets])
    assert counts.sum() == len(values)
    assert len(counts) == 10
    assert [bucket["upper_bound"] for bucket in buckets] == edges[1:].tolist()
    if column != "same":
        profiled = profile.columns[column]
        bound = profiled.bucket_counts.max() * (profiled.dropped_bits > 0)
        off = np.cumsum(counts) - np.cumsum(np.histogram(values, edges)[0])
        assert np.abs(off).max() <= bound


@each_number
def test_a_sketch_has_the_quantiles(
    table,
    profile,
    features,
    column,
):
    values = table[column].dropna().astype(float)
    data = features[column]["numerical_statistics"]["distribution"]["kll"]["sketch"][
        "data"
    ]
    points = np.concatenate(data)
    weights = np.concatenate([[1 << i] * len(level) for i, level in enumerate(data)])
    assert weights.sum() == len(values)
    coarse = profile.coarsen(MAX_SKETCH_VALUES).columns[column]
    bound = coarse.bucket_counts.max() / len(values)
    for quantile in values.quantile([0.1, 0.5, 0.9]):
        off = weights[points <= quantile].sum() - (values <= quantile).sum()
        assert abs(off / len(values)) <= bound, quantile


def test_statistics_of_texts(
    table,
    features,
):
    route = features["route"]["string_statistics"]
    name = features["name"]["string_statistics"]
    buckets = route["distribution"]["categorical"]["buckets"]
    counts = {bucket["value"]: bucket["count"] for bucket in buckets}
    assert route["distinct_count"] == 3
    assert counts == table.route.value_counts().to_dict()
    assert name["distribution"]["categorical"]["buckets"] == []
    assert name["common"]["num_present"] == 3000


def test_statistics_of_large_numbers_and_times(
    table,
    features,
):
    wide = features["enormous"]["numerical_statistics"]
    scaled = (table.enormous / 1e308).std(ddof=0) * 1e308
    assert wide["mean"] == pytest.approx((table.enormous / 3000).sum())
    assert wide["std_dev"] == pytest.approx(scaled)
    assert features["day"]["numerical_statistics"]["min"] == FIRST_DAY.timestamp()


@pytest.fixture(scope="module")
def plain(profile):
    """The constraints of a profile."""
    return valid(build_constraints(profile, whole=["id"]), CONSTRAINTS)


@pytest.fixture(scope="module")
def learned(table):
    """The constraints of a reference, which knows what its periods differ by."""
    reference = build_reference(table, table.day)
    return valid(build_constraints(reference, {"new_watch": 0.05}), CONSTRAINTS)


def test_constraints_carry_what_was_profiled(
    table,
    plain,
):
    rules = {feature["name"]: feature for feature in plain["features"]}
    assert rules["half"]["completeness"] == pytest.approx(table.half.notna().mean())
    assert rules["route"]["string_constraints"] == {
        "domains": sorted(table.route.unique())
    }
    assert "string_constraints" not in rules["name"]
    assert rules["fare"]["num_constraints"]["is_non_negative"]
    assert not rules["debt"]["num_constraints"]["is_non_negative"]


def test_constraints_carry_what_was_learned(
    plain,
    learned,
):
    assert learned["monitoring_config"]["domain_content_threshold"] == 0.95
    for before, after in zip(plain["features"], learned["features"], strict=False):
        assert after["completeness"] <= before["completeness"], before["name"]
    first = learned["features"][0]
    assert first["completeness"] == pytest.approx(1 - MIN_MISSING_THRESHOLD)


@pytest.mark.parametrize("kind", ["plain", "learned"])
def test_constraints_are_read_back(
    kind,
    profile,
    request,
    tmp_path,
):
    content = request.getfixturevalue(kind)
    path = tmp_path / "constraints.json"
    rules = read_constraints(write_json(path, content))
    by_name = {feature["name"]: feature for feature in content["features"]}
    assert rules == read_constraints(write_json(path, content))
    assert find_violations(profile, rules, profile) == []
    assert "half" in rules._repr_markdown_()
    missing = 1 - by_name["half"]["completeness"]
    assert rules.max_missing()["half"] == pytest.approx(missing)


@pytest.fixture(scope="module")
def changed():
    """A table of which some columns break every rule."""
    other = odd(seed=1)
    return other.drop(columns="same").assign(
        extra=1,
        route=other.route.replace("A", "Z"),
        fare=other.fare * 2,
        half=other.half.where(other.index % 2 > 0),
        stops="two",
        day=-1.0,
    )


@pytest.fixture
def written(
    profile,
    changed,
    tmp_path,
):
    """The contents of the files for the changed table, by their names."""
    paths = write_sagemaker_files(tmp_path, profile, profile_table(changed))
    return {path.stem: json.loads(path.read_text()) for path in paths}


def description(
    written,
    column,
    check,
):
    """Return what a violation says."""
    for violation in written["constraint_violations"]["violations"]:
        if (violation["feature_name"], violation["constraint_check_type"]) == (
            column,
            check,
        ):
            return violation["description"]
    raise AssertionError(f"no {check} of {column}")


EXPECTED_VIOLATIONS = {
    ("same", "missing_column_check"),
    ("extra", "extra_column_check"),
    ("route", "categorical_values_check"),
    ("route", "baseline_drift_check"),
    ("fare", "baseline_drift_check"),
    ("half", "completeness_check"),
    ("stops", "data_type_check"),
    ("day", "data_type_check"),
}
UNCHANGED = {"id", "debt", "flag", "name", "gone", "enormous", "inf"}


def test_each_violation_by_its_name(written):
    valid(written["statistics"], STATISTICS)
    valid(written["constraints"], CONSTRAINTS)
    found = valid(written["constraint_violations"], VIOLATIONS)["violations"]
    got = {(row["feature_name"], row["constraint_check_type"]) for row in found}
    assert got >= EXPECTED_VIOLATIONS
    assert not {name for name, _ in got} & UNCHANGED
    assert {check for _, check in got} == {*CHECKS}


def test_violations_say_what_was_found(
    written,
    table,
    changed,
):
    assert "'Z'" in description(written, "route", "categorical_values_check")
    drift = description(written, "fare", "baseline_drift_check")
    told = float(drift.split("distance: ")[1].split(" exceeds")[0])
    distance = stats.ks_2samp(table.fare, changed.fare).statistic
    assert told == pytest.approx(distance - 1.8 * math.sqrt(2 / 3000), abs=0.01)


def test_there_is_no_drift_without_a_baseline(
    profile,
    changed,
):
    rules = parse_constraints(build_constraints(profile))
    found = find_violations(profile_table(changed), rules)
    assert "baseline_drift_check" not in {row["constraint_check_type"] for row in found}


def one(
    column,
    **config,
):
    over = config.pop("over", {})
    return parse_constraints(
        {
            "features": [{"name": "a", **column, "monitoringConfigOverrides": over}],
            "monitoring_config": config,
        }
    )


def profile_of(values):
    """Return the profile of a table with one column."""
    return None if values is None else profile_table(pd.DataFrame({"a": values}))


def checks(
    values,
    rules,
    base=None,
):
    """Return the checks that a column fails."""
    found = find_violations(profile_of(values), rules, profile_of(base))
    return [violation["constraint_check_type"] for violation in found]


DRIFTED = ["baseline_drift_check"]
WRONG_TYPE = ["data_type_check"]
WRONG_VALUES = ["categorical_values_check"]


def test_thresholds_of_domains():
    text = ["x"] * 90 + ["y"] * 10
    only_x = {"string_constraints": {"domains": ["x"]}}
    assert checks(text, one(only_x)) == WRONG_VALUES
    assert checks(text, one(only_x, domain_content_threshold=0.9)) == []
    assert checks(text, one({"string_constraints": {"domains": []}})) == []
    hashed = [f"k{i}" for i in range(5000)]  # so many that only hashes are known
    assert checks(hashed, one(only_x)) == WRONG_VALUES


@pytest.mark.parametrize(
    ("kind", "threshold", "expected"),
    [
        ("Fractional", 0.5, []),
        ("Fractional", 0.51, WRONG_TYPE),
        ("Integral", 0.25, []),
        ("Integral", 0.26, WRONG_TYPE),
        ("String", 1.0, []),
    ],
    ids=[
        "half numbers",
        "too few numbers",
        "a quarter whole",
        "too few whole",
        "texts",
    ],
)
def test_thresholds_of_types(
    kind,
    threshold,
    expected,
):
    mixed = ["1", "2.5", "x", "inf"] * 25
    rules = one({"inferred_type": kind}, datatype_check_threshold=threshold)
    assert checks(mixed, rules) == expected


def test_thresholds_of_whole_numbers():
    almost = np.r_[np.arange(99), 0.5]
    whole = {"inferred_type": "Integral"}
    assert checks(almost, one(whole)) == WRONG_TYPE
    assert checks(almost, one(whole, datatype_check_threshold=0.99)) == []
    assert checks(np.arange(5000), one(whole)) == []
    assert checks(np.arange(5000) + 0.5, one(whole)) == WRONG_TYPE
    assert checks([1.0], one({"inferred_type": "String"}))[0:1] == WRONG_TYPE
    assert (
        checks([-1.0], one({"num_constraints": {"is_non_negative": True}}))
        == WRONG_TYPE
    )


def test_thresholds_of_completeness():
    assert checks([1, None, None], one({"completeness": 1 / 3})) == []
    assert checks([1, None, None], one({"completeness": 0.34})) == [
        "completeness_check"
    ]


BEFORE = np.arange(100.0)
NOW = BEFORE + 20  # KS .2, of which chance may make 1.8 · √(200 / 10,000) = .255


def number_drift(**settings):
    """Return the checks that numbers fail whose distance is .2."""
    return checks(NOW, one({}, distribution_constraints=settings), BEFORE)


def test_thresholds_of_drift():
    assert number_drift(comparison_method="Simple") == DRIFTED
    assert number_drift(comparion_method="Simple", comparison_threshold=0.19) == DRIFTED
    assert number_drift(comparison_method="Simple", comparison_threshold=0.2) == []
    assert number_drift() == []
    assert number_drift(comparison_method="Simple", perform_comparison="Disabled") == []


def test_switches_of_drift():
    simple = {"distribution_constraints": {"comparison_method": "Simple"}}
    assert checks(NOW, one({}, over=simple), BEFORE) == DRIFTED
    off = one({"completeness": 1}, evaluate_constraints="Disabled")
    assert checks(NOW, off, BEFORE) == []


FEW = ["x"] * 50 + ["y"] * 50


def text_drift(**settings):
    """Return the checks that two categories fail whose shares move by .15."""
    shifted = ["x"] * 65 + ["y"] * 35
    return checks(shifted, one({}, distribution_constraints=settings), FEW)


def chi_squared_drift(threshold):
    """Return the same by Pearson's test."""
    return text_drift(
        categorical_drift_method="ChiSquared",
        categorical_comparison_threshold=threshold,
    )


def test_thresholds_of_categories():
    assert text_drift(comparison_method="Simple") == DRIFTED
    assert chi_squared_drift(0.05) == DRIFTED
    assert text_drift() == []
    assert chi_squared_drift(0.01) == []
    assert checks(FEW, one({}), np.arange(100)) == DRIFTED
    assert checks([None] * 9, one({}), FEW) == []


BAD_NAMES = {
    "a list": [],
    "no features": {},
    "features not a list": {"features": {}},
    "a feature that is a text": {"features": ["a"]},
    "no name": {"features": [{}]},
    "a name that is a number": {"features": [{"name": 3}]},
    "twice": {"features": [{"name": "a"}] * 2},
}
BAD_SHARES = {
    "per cent": {"features": [{"name": "a", "completeness": 98}]},
    "true": {"features": [{"name": "a", "completeness": True}]},
    "NaN": {"features": [{"name": "a", "completeness": math.nan}]},
}
BAD_TYPES = {
    "type": {"features": [{"name": "a", "inferred_type": "Text"}]},
    "type list": {"features": [{"name": "a", "inferred_type": ["String"]}]},
    "sign": {"features": [{"name": "a", "num_constraints": {"is_non_negative": "no"}}]},
}
BAD_RULES = {
    "num": {"features": [{"name": "a", "num_constraints": []}]},
    "domain": {"features": [{"name": "a", "string_constraints": {"domains": "abc"}}]},
    "domain of numbers": {
        "features": [{"name": "a", "string_constraints": {"domains": [1]}}]
    },
    "text": {"features": [{"name": "a", "string_constraints": 1}]},
}
BAD_SWITCHES = {
    "switch": {"features": [], "monitoring_config": {"evaluate_constraints": True}},
    "switch of lists": {
        "features": [],
        "monitoring_config": {"evaluate_constraints": []},
    },
    "config": {"features": [], "monitoring_config": "on"},
}
BAD_SETTINGS = {
    "distribution": {
        "features": [],
        "monitoring_config": {"distribution_constraints": 1},
    },
    "threshold": {
        "features": [],
        "monitoring_config": {"distribution_constraints": {"comparison_threshold": -1}},
    },
    "method": {
        "features": [],
        "monitoring_config": {"distribution_constraints": {"comparison_method": "PSI"}},
    },
    "override": {"features": [{"name": "a", "monitoringConfigOverrides": []}]},
}
BAD = BAD_NAMES | BAD_SHARES | BAD_TYPES | BAD_RULES | BAD_SWITCHES | BAD_SETTINGS


@pytest.mark.parametrize("what", BAD, ids=str)
def test_bad_constraints_are_named(
    what,
    tmp_path,
):
    (tmp_path / "c.json").write_text(json.dumps(BAD[what]))
    with pytest.raises(UserError, match=r"constraints\.json"):
        read_constraints(tmp_path / "c.json")


def test_files_that_are_none(
    tmp_path,
    monkeypatch,
):
    file = tmp_path / "c.json"
    for content in (
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 200_000,
        b"[" * 200_000 + b"]" * 200_000,
    ):
        file.write_bytes(content)
        with pytest.raises(UserError, match="expected"):
            read_constraints(file)
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(UserError, match="readable JSON"):
            read_constraints(path)
    monkeypatch.setattr(sagemaker_module, "MAX_CONSTRAINTS_BYTES", 10)
    file.write_text(json.dumps({"features": []}))
    with pytest.raises(UserError, match="at most 10 bytes"):
        read_constraints(file)


KEYS = [
    "features",
    "name",
    "completeness",
    "inferred_type",
    "num_constraints",
    "is_non_negative",
    "string_constraints",
    "domains",
    "monitoring_config",
    "distribution_constraints",
    "comparison_threshold",
    "evaluate_constraints",
    "monitoringConfigOverrides",
]
LEAVES = strategies.one_of(
    strategies.none(),
    strategies.booleans(),
    strategies.floats(),
    strategies.integers(),
    strategies.text(max_size=4),
    strategies.sampled_from(["Enabled", "String", "a"]),
)


def lists_and_objects(values):
    """Return the strategy for lists of values and objects with the keys of constraints."""
    objects = strategies.dictionaries(strategies.sampled_from(KEYS), values, max_size=5)
    return strategies.one_of(strategies.lists(values, max_size=3), objects)


JSON = strategies.recursive(LEAVES, lists_and_objects, max_leaves=12)
NOW_TABLE = pd.DataFrame({"a": [1.5, None], "b": ["x", "y"]})


def check_violations(content):
    """Find violations by constraints, if they are constraints, and check their form."""
    try:
        rules = parse_constraints(content)
    except UserError:
        return
    found = find_violations(profile_table(NOW_TABLE), rules, profile_of(["x"]))
    valid({"violations": found}, VIOLATIONS)


@settings(max_examples=150, deadline=None)
@given(JSON, strategies.lists(JSON, max_size=3))
def test_anything_is_read_or_refused_in_words(
    content,
    features,
):
    objects = [feature for feature in features if isinstance(feature, dict)]
    named = [{"name": "a", **feature} for feature in objects]
    check_violations(content)
    check_violations({"features": features})
    check_violations({"features": named, "monitoring_config": content})


def test_as_the_sdk_writes_them():
    """Older keys, a version that is a float, settings unknown here.

    They are as in the example files of the SageMaker SDK.
    """
    rules = parse_constraints(
        {
            "version": 0.0,
            "features": [
                {
                    "name": "m",
                    "inferred_type": "String",
                    "completeness": 1.0,
                    "string_constraints": {
                        "domains": ["x"],
                        "monitoring_config_overrides": {"emit_metrics": "Enabled"},
                    },
                }
            ],
            "monitoring_config": {
                "evaluate_constraints": "Enabled",
                "distribution_constraints": {
                    "enable_comparisons": True,
                    "min_domain_mass": 1.0,
                    "comparison_threshold": 1.0,
                },
            },
        }
    )
    assert rules.columns["m"].domain == ("x",)
    assert rules.columns["m"].settings["comparison_threshold"] == 1.0
    assert find_violations(profile_table(pd.DataFrame({"m": ["x"]})), rules) == []
