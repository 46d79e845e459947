"""The files of SageMaker Model Monitor: of the published shape, with pandas' numbers, and read without trust.

The JSON schemas are written from the developer guide (docs.aws.amazon.com/sagemaker/latest/dg/): model-monitor-byoc-statistics.html,
model-monitor-byoc-constraints.html and model-monitor-interpreting-violations.html.
"""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
from mlops_nb.monitoring.sagemaker_violations import find_violations, write_sagemaker_files
from mlops_nb.monitoring.thresholds import MIN_MISSING_THRESHOLD

COUNT = {"type": "integer", "minimum": 0}
NUMBER = {"type": "number"}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
TEXT = {"type": "string"}
SWITCH = {"enum": ["Enabled", "Disabled"]}


def obj(need, **more):
    """An object with exactly these keys."""
    return {
        "type": "object",
        "properties": need | more,
        "required": [*need],
        "additionalProperties": False,
    }


def many(of):
    return {"type": "array", "items": of}


COMMON = obj({"num_present": COUNT, "num_missing": COUNT})
KLL = obj(
    {
        "buckets": many(obj({"lower_bound": NUMBER, "upper_bound": NUMBER, "count": COUNT})),
        "sketch": obj({"parameters": obj({"c": NUMBER, "k": NUMBER}), "data": many(many(NUMBER))}),
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
            {"categorical": obj({"buckets": many(obj({"value": TEXT, "count": COUNT}))})}
        ),
    }
)
STATISTICS = obj(
    {
        "version": NUMBER,
        "dataset": obj({"item_count": COUNT}),
        "features": many(
            {
                "oneOf": [
                    obj(
                        {
                            "name": TEXT,
                            "inferred_type": {"enum": ["Fractional", "Integral"]},
                            "numerical_statistics": NUMERICAL,
                        }
                    ),
                    obj(
                        {
                            "name": TEXT,
                            "inferred_type": {"const": "String"},
                            "string_statistics": STRING,
                        }
                    ),
                    obj({"name": TEXT, "inferred_type": {"const": "Unknown"}}),
                ]
            }
        ),
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
CONSTRAINTS = obj(
    {
        "version": NUMBER,
        "features": many(
            obj(
                {
                    "name": TEXT,
                    "inferred_type": {"enum": ["Integral", "Fractional", "String", "Unknown"]},
                    "completeness": SHARE,
                },
                num_constraints=obj({"is_non_negative": {"type": "boolean"}}),
                string_constraints=obj({"domains": many(TEXT)}),
            )
        ),
        "monitoring_config": obj(
            {
                "evaluate_constraints": SWITCH,
                "emit_metrics": SWITCH,
                "datatype_check_threshold": SHARE,
                "domain_content_threshold": SHARE,
                "distribution_constraints": DISTRIBUTION,
            }
        ),
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


def valid(got, schema):
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(json.dumps(got, allow_nan=False)))
    return got


def odd(n=3000, seed=0):
    """A table of all kinds of columns."""
    r = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "fare": r.gamma(3, 20, n),
            "stops": r.integers(0, 3, n),
            "id": np.arange(n) * 7,
            "debt": r.normal(size=n),
            "flag": r.random(n) < 0.3,
            "route": r.choice(["A", "<b>", 'a"\n'], n),
            "name": [f"n{i}" for i in range(n)],
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n) // 50, unit="D"),
            "gone": None,
            "same": 4.5,
            "enormous": r.choice([1e308, -1e308, 1.0], n),
            "inf": np.where(np.arange(n) % 2, np.inf, np.nan),
            'a "b"\n<i>': 1,
        }
    ).assign(half=lambda d: d.fare.where(d.index % 3 > 0))


def test_statistics_are_those_of_pandas():
    d = odd()
    got = {
        f["name"]: f
        for f in valid(build_statistics(profile_table(d), whole=["id"]), STATISTICS)["features"]
    }
    assert [*got] == [*d]
    assert build_statistics(profile_table(d))["dataset"]["item_count"] == 3000
    assert {k: f["inferred_type"] for k, f in got.items()} == {
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
    for c in ("fare", "stops", "id", "debt", "same", "half"):
        s = got[c]["numerical_statistics"]
        v = d[c].dropna().astype(float)
        kll = s["distribution"]["kll"]
        assert s["common"] == {"num_present": len(v), "num_missing": len(d) - len(v)}
        assert np.allclose(
            [s["mean"], s["sum"], s["std_dev"]],
            [v.mean(), v.sum(), v.std(ddof=0)],
            rtol=1e-9,
            atol=1e-9,
        )
        assert (s["min"], s["max"]) == (v.min(), v.max())
        edges = np.array([b["lower_bound"] for b in kll["buckets"]] + [s["max"]])
        counts = np.array([b["count"] for b in kll["buckets"]])
        assert counts.sum() == len(v)
        assert len(counts) == 10
        assert [b["upper_bound"] for b in kll["buckets"]] == edges[1:].tolist()
        if c != "same":
            assert np.abs(
                np.cumsum(counts) - np.cumsum(np.histogram(v, edges)[0])
            ).max() <= profile_table(d).columns[c].bucket_counts.max() * (
                profile_table(d).columns[c].dropped_bits > 0
            )
        at = np.concatenate(kll["sketch"]["data"])
        w = np.concatenate([[1 << i] * len(x) for i, x in enumerate(kll["sketch"]["data"])])
        few = profile_table(d).coarsen(MAX_SKETCH_VALUES).columns[c].bucket_counts.max() / len(v)
        assert w.sum() == len(v)
        assert all(
            abs((w[at <= q].sum() - (v <= q).sum()) / len(v)) <= few
            for q in v.quantile([0.1, 0.5, 0.9])
        )
    route = got["route"]["string_statistics"]
    assert route["distinct_count"] == 3
    assert {
        b["value"]: b["count"] for b in route["distribution"]["categorical"]["buckets"]
    } == d.route.value_counts().to_dict()
    assert got["name"]["string_statistics"]["distribution"]["categorical"]["buckets"] == []
    assert got["name"]["string_statistics"]["common"]["num_present"] == 3000
    wide = got["enormous"]["numerical_statistics"]
    assert wide["mean"] == pytest.approx((d.enormous / 3000).sum())
    assert wide["std_dev"] == pytest.approx((d.enormous / 1e308).std(ddof=0) * 1e308)
    assert got["day"]["numerical_statistics"]["min"] == pd.Timestamp("2024-01-01").timestamp()


def test_constraints_carry_what_was_learned(tmp_path):
    d = odd()
    p = profile_table(d)
    ref = build_reference(d, d.day)
    plain = valid(build_constraints(p, whole=["id"]), CONSTRAINTS)
    learned = valid(build_constraints(ref, {"new_watch": 0.05}), CONSTRAINTS)
    by = {f["name"]: f for f in plain["features"]}
    assert by["half"]["completeness"] == pytest.approx(d.half.notna().mean())
    assert by["route"]["string_constraints"] == {"domains": sorted(d.route.unique())}
    assert "string_constraints" not in by["name"]
    assert by["fare"]["num_constraints"]["is_non_negative"]
    assert not by["debt"]["num_constraints"]["is_non_negative"]
    assert learned["monitoring_config"]["domain_content_threshold"] == 0.95
    assert all(
        b["completeness"] <= a["completeness"]
        for a, b in zip(plain["features"], learned["features"], strict=False)
    )
    assert learned["features"][0]["completeness"] == pytest.approx(1 - MIN_MISSING_THRESHOLD)
    for content in (plain, learned):
        rules = read_constraints(write_json(tmp_path / "constraints.json", content))
        assert rules == read_constraints(write_json(tmp_path / "constraints.json", content))
        assert find_violations(p, rules, p) == []
        assert "half" in rules._repr_markdown_()
        assert rules.max_missing()["half"] == pytest.approx(
            1 - next(f["completeness"] for f in content["features"] if f["name"] == "half")
        )


def test_each_violation_by_its_name(tmp_path):
    d = odd()
    p = profile_table(d)
    rules = parse_constraints(build_constraints(p))
    other = odd(seed=1)
    now = other.drop(columns="same").assign(
        extra=1,
        route=other.route.replace("A", "Z"),
        fare=other.fare * 2,
        half=other.half.where(other.index % 2 > 0),
        stops="two",
        day=-1.0,
    )
    paths = {
        f.stem: json.loads(f.read_text())
        for f in write_sagemaker_files(tmp_path, p, profile_table(now))
    }
    valid(paths["statistics"], STATISTICS), valid(paths["constraints"], CONSTRAINTS)
    found = valid(paths["constraint_violations"], VIOLATIONS)["violations"]
    got = {(v["feature_name"], v["constraint_check_type"]) for v in found}
    assert {
        ("same", "missing_column_check"),
        ("extra", "extra_column_check"),
        ("route", "categorical_values_check"),
        ("route", "baseline_drift_check"),
        ("fare", "baseline_drift_check"),
        ("half", "completeness_check"),
        ("stops", "data_type_check"),
        ("day", "data_type_check"),
    } <= got
    assert not {k for k, _ in got} & {"id", "debt", "flag", "name", "gone", "enormous", "inf"}
    assert {c for _, c in got} == {*CHECKS}
    told = next(
        v["description"]
        for v in found
        if v["feature_name"] == "route" and v["constraint_check_type"] == "categorical_values_check"
    )
    assert "'Z'" in told
    drift = next(
        v["description"]
        for v in found
        if (v["feature_name"], v["constraint_check_type"]) == ("fare", "baseline_drift_check")
    )
    d1 = stats.ks_2samp(d.fare, now.fare).statistic
    assert float(drift.split("distance: ")[1].split(" exceeds")[0]) == pytest.approx(
        d1 - 1.8 * math.sqrt(2 / 3000), abs=0.01
    )
    assert not [
        v
        for v in find_violations(profile_table(now), rules)
        if v["constraint_check_type"] == "baseline_drift_check"
    ]


def one(column, **config):
    over = config.pop("over", {})
    return parse_constraints(
        {
            "features": [{"name": "a", **column, "monitoringConfigOverrides": over}],
            "monitoring_config": config,
        }
    )


def checks(values, rules, base=None):
    def p(v):
        return None if v is None else profile_table(pd.DataFrame({"a": v}))

    return [v["constraint_check_type"] for v in find_violations(p(values), rules, p(base))]


def test_thresholds_count():
    text = ["x"] * 90 + ["y"] * 10
    assert checks(text, one({"string_constraints": {"domains": ["x"]}})) == [
        "categorical_values_check"
    ]
    assert (
        checks(text, one({"string_constraints": {"domains": ["x"]}}, domain_content_threshold=0.9))
        == []
        == checks(text, one({"string_constraints": {"domains": []}}))
    )
    many = [f"k{i}" for i in range(5000)]
    assert checks(many, one({"string_constraints": {"domains": ["x"]}})) == [
        "categorical_values_check"
    ]  # of which only hashes are known
    mixed = ["1", "2.5", "x", "inf"] * 25
    assert [
        checks(mixed, one({"inferred_type": t}, datatype_check_threshold=s))
        for t, s in (
            ("Fractional", 0.5),
            ("Fractional", 0.51),
            ("Integral", 0.25),
            ("Integral", 0.26),
            ("String", 1.0),
        )
    ] == [[], ["data_type_check"], [], ["data_type_check"], []]
    assert checks(np.r_[np.arange(99), 0.5], one({"inferred_type": "Integral"})) == [
        "data_type_check"
    ]
    assert (
        checks(
            np.r_[np.arange(99), 0.5],
            one({"inferred_type": "Integral"}, datatype_check_threshold=0.99),
        )
        == []
        == checks(np.arange(5000), one({"inferred_type": "Integral"}))
    )
    assert (
        checks(np.arange(5000) + 0.5, one({"inferred_type": "Integral"}))
        == ["data_type_check"]
        == checks([1.0], one({"inferred_type": "String"}))[0:1]
        == checks([-1.0], one({"num_constraints": {"is_non_negative": True}}))
    )
    assert checks([1, None, None], one({"completeness": 1 / 3})) == []
    assert checks([1, None, None], one({"completeness": 0.34})) == ["completeness_check"]
    # KS .2, of which chance may make 1.8 · √(200 / 10,000) = .255
    a = np.arange(100.0)
    b = np.arange(100.0) + 20

    def drift(**k):
        return checks(b, one({}, distribution_constraints=k), a)

    assert (
        drift(comparison_method="Simple")
        == ["baseline_drift_check"]
        == drift(comparion_method="Simple", comparison_threshold=0.19)
    )
    assert (
        drift(comparison_method="Simple", comparison_threshold=0.2)
        == drift()
        == drift(comparison_method="Simple", perform_comparison="Disabled")
        == []
    )
    assert checks(
        b, one({}, over={"distribution_constraints": {"comparison_method": "Simple"}}), a
    ) == ["baseline_drift_check"]
    assert checks(b, one({"completeness": 1}, evaluate_constraints="Disabled"), a) == []
    few = ["x"] * 50 + ["y"] * 50
    shifted = ["x"] * 65 + ["y"] * 35

    def cat(**k):
        return checks(shifted, one({}, distribution_constraints=k), few)

    assert (
        cat(comparison_method="Simple")
        == ["baseline_drift_check"]
        == cat(categorical_drift_method="ChiSquared", categorical_comparison_threshold=0.05)
    )
    assert (
        cat()
        == []
        == cat(categorical_drift_method="ChiSquared", categorical_comparison_threshold=0.01)
    )
    assert checks(few, one({}), np.arange(100)) == ["baseline_drift_check"]
    assert checks([None] * 9, one({}), few) == []


BAD = {
    "a list": [],
    "no features": {},
    "features not a list": {"features": {}},
    "a feature that is a text": {"features": ["a"]},
    "no name": {"features": [{}]},
    "a name that is a number": {"features": [{"name": 3}]},
    "twice": {"features": [{"name": "a"}] * 2},
    "per cent": {"features": [{"name": "a", "completeness": 98}]},
    "true": {"features": [{"name": "a", "completeness": True}]},
    "NaN": {"features": [{"name": "a", "completeness": math.nan}]},
    "type": {"features": [{"name": "a", "inferred_type": "Text"}]},
    "type list": {"features": [{"name": "a", "inferred_type": ["String"]}]},
    "sign": {"features": [{"name": "a", "num_constraints": {"is_non_negative": "no"}}]},
    "num": {"features": [{"name": "a", "num_constraints": []}]},
    "domain": {"features": [{"name": "a", "string_constraints": {"domains": "abc"}}]},
    "domain of numbers": {"features": [{"name": "a", "string_constraints": {"domains": [1]}}]},
    "text": {"features": [{"name": "a", "string_constraints": 1}]},
    "switch": {"features": [], "monitoring_config": {"evaluate_constraints": True}},
    "switch of lists": {"features": [], "monitoring_config": {"evaluate_constraints": []}},
    "config": {"features": [], "monitoring_config": "on"},
    "distribution": {"features": [], "monitoring_config": {"distribution_constraints": 1}},
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


@pytest.mark.parametrize("what", BAD)
def test_bad_constraints_are_named(what, tmp_path):
    (tmp_path / "c.json").write_text(json.dumps(BAD[what]))
    with pytest.raises(UserError, match="constraints.json"):
        read_constraints(tmp_path / "c.json")


def test_files_that_are_none(tmp_path, monkeypatch):
    f = tmp_path / "c.json"
    for content in (b"", b"{", b"\xff\xfe", b"[" * 200_000, b"[" * 200_000 + b"]" * 200_000):
        f.write_bytes(content)
        with pytest.raises(UserError, match="expected"):
            read_constraints(f)
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(UserError, match="readable JSON"):
            read_constraints(path)
    monkeypatch.setattr(sagemaker_module, "MAX_CONSTRAINTS_BYTES", 10)
    f.write_text(json.dumps({"features": []}))
    with pytest.raises(UserError, match="at most 10 bytes"):
        read_constraints(f)


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.floats(),
        st.integers(),
        st.text(max_size=4),
        st.sampled_from(["Enabled", "String", "a"]),
    ),
    lambda x: st.one_of(
        st.lists(x, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
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
            ),
            x,
            max_size=5,
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(JSON, st.lists(JSON, max_size=3))
def test_anything_is_read_or_refused_in_words(content, features):
    for got in (
        content,
        {"features": features},
        {
            "features": [{"name": "a", **f} for f in features if isinstance(f, dict)],
            "monitoring_config": content,
        },
    ):
        try:
            rules = parse_constraints(got)
        except UserError:
            continue
        valid(
            {
                "violations": find_violations(
                    profile_table(pd.DataFrame({"a": [1.5, None], "b": ["x", "y"]})),
                    rules,
                    profile_table(pd.DataFrame({"a": ["x"]})),
                )
            },
            VIOLATIONS,
        )


def test_as_the_sdk_writes_them():
    """Older keys, a version that is a float, settings unknown here: as in the example files of the SageMaker SDK."""
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
