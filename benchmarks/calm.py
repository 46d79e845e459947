"""How calm and how watchful the monitor is, on real flights, beside customary limits, Evidently and NannyML. `make calm` measures and writes benchmarks/calm.json; the guide nbs/guides/calm.ipynb tells it.

Input, made once in `.mlops/calm`: every flight of 2013 with the features of params.yaml, and the predictions of a model trained on January to March as the pipeline does. Three questions:
false alarms (the year's days are shuffled, so that no season is left; one half sets the limits, windows of thirty days are drawn from the other), faults put into such windows, and the real year.
31 December is left out of the shuffles: the data set has no weather for it, which is a fault and no calm day. Everything is seeded. The peers run in environments of their own, on rows thinned
evenly; `--no-peers` keeps their figures of the last run.

This file is also what each peer runs: `python calm.py child PEER` in its own environment, so only the standard library is imported at the top.
"""

import argparse
import functools
import json
import math
import resource
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".mlops" / "calm"
RESULTS = ROOT / "benchmarks" / "calm.json"
GUIDE = ROOT / "nbs" / "guides" / "calm.ipynb"

SCORES = ["score", "prediction"]
CATEGORIES = ["carrier", "origin", "dest"]
QUALITY = [
    "auc",
    "f1",
    "precision",
]  # what the monitor's stage watches for a binary task
# days of a window; 31 December; of all draws
LENGTH = 30
FAULTY_DAY = 364
SEED = 2013
VARIANTS = {  # days of the reference, days that stay together, splits, windows of each
    "days shuffled": (181, 1, 40, 25),
    "weeks shuffled": (181, 7, 20, 20),
}
SHARES = (0.01, 0.05, 0.2, 1.0)
PEER_ROWS = (20_000, 6_000)  # reference and window, thinned evenly
# of "days shuffled"
PEER_SPLITS = 5
PEER_WINDOWS = 6
# the peers see the first window of each split
FAULT_SPLITS = 4
FAULT_WINDOWS = 3


# ---- the year: features and scores of all flights ----


def make_year() -> None:
    """year.parquet, and model, held-out predictions and metrics of January to March."""
    import pandas as pd

    from mlops_nb.core.config import read_params
    from mlops_nb.core.files import write_json
    from mlops_nb.data.feature_table import build_features
    from mlops_nb.data.ingest import select_window_rows
    from mlops_nb.data.settings import read_data_settings
    from mlops_nb.data.sources import load_tables
    from mlops_nb.data.windows import read_windows
    from mlops_nb.modeling.measurement import compute_metrics
    from mlops_nb.modeling.persistence import save_model
    from mlops_nb.modeling.training import train_model

    p = read_params()
    window = read_windows(
        p
        | {
            "windows": {
                "train": {"start": "2012-11", "end": "2012-12"},
                "current": {"start": "2013-01", "end": "2013-12"},
            }
        }
    )["current"]
    spec = read_data_settings(p)
    tables = select_window_rows(load_tables(spec, window), spec, window)
    events = tables.pop("events")
    inside = events[window.contains(events[spec.time])]
    X = build_features(inside, tables, spec.time, p["features"], spec.target, spec.keys)
    t = p["train"]
    keep = [*spec.keys, spec.time, spec.target]
    frame = pd.concat(
        [inside[keep], X[[c for c in X if c not in keep]]], axis=1
    ).reset_index(drop=True)
    fitted = train_model(
        frame[frame[spec.time] < "2013-04"],
        p["data"] | {"keys": list(spec.keys)},
        estimator=t["estimator"],
        params=t["params"],
        encoding=t["encoding"],
        valid_share=t["valid_share"],
        threshold=t["threshold"],
        value=t["value"],
        seed=t["seed"],
    )
    m, valid = fitted.model, fitted.validation_predictions
    save_model(HOME / "model", fitted)
    write_json(
        HOME / "metrics.json",
        compute_metrics(m.task, valid["y"].to_numpy(), valid).to_dict(),
    )
    valid.drop(columns="y").to_parquet(HOME / "valid.parquet")
    frame.assign(**m.predict(frame)).to_parquet(HOME / "year.tmp")
    (HOME / "year.tmp").replace(HOME / "year.parquet")


@functools.cache
def year():
    """(flights, feature columns, row positions by day of the year)."""
    import numpy as np
    import pandas as pd

    from mlops_nb.core.config import read_params
    from mlops_nb.data.settings import read_data_settings

    f, spec = pd.read_parquet(HOME / "year.parquet"), read_data_settings(read_params())
    day = f[spec.time].dt.day_of_year.to_numpy() - 1
    return (
        f,
        [c for c in f if c not in (*spec.keys, spec.time, spec.target, *SCORES)],
        [np.flatnonzero(day == d) for d in range(365)],
    )


@functools.cache
def champion():
    from mlops_nb.modeling.persistence import load_model

    return load_model(HOME / "model")


def given() -> dict:
    """The monitor's parameters in params.yaml, which are its defaults."""
    from mlops_nb.core.config import read_params

    return {
        k: v
        for k, v in read_params()["monitor"].items()
        if k not in ("sample", "metrics", "engine")
    }


# ---- our side, as the stage calls it ----


@functools.lru_cache(maxsize=8)
def _limits(
    ref,
    run: int,
):
    from mlops_nb.monitoring.learned_thresholds import learn_thresholds

    return learn_thresholds(
        ref, round(run * sum(s.rows for s in ref.spans) / len(ref.spans))
    )


def once() -> None:
    """Have the thresholds of a reference learned once for all windows of about the same length: they depend on the rows through the number of spans only."""
    from mlops_nb.monitoring import thresholds as thresholds_module

    def learn_thresholds(
        ref,
        rows,
    ):
        runs = max(1, round(rows * len(ref.spans) / sum(s.rows for s in ref.spans)))
        return _limits(ref, runs).copy()

    thresholds_module.learn_thresholds = learn_thresholds


def learn(days):
    """What the monitor keeps of a reference made of these days, which are given consecutive dates."""
    import numpy as np
    import pandas as pd

    from mlops_nb.modeling.measurement import compute_metrics
    from mlops_nb.monitoring.reference import build_reference
    from mlops_nb.monitoring.score_response import measure_score_response

    f, columns, at = year()
    x = f.iloc[np.concatenate([at[d] for d in days])].reset_index(drop=True)
    times = pd.Series(
        np.datetime64("2001-01-01T12", "us")
        + np.repeat(np.arange(len(days)), [len(at[d]) for d in days]).astype(
            "timedelta64[D]"
        )
    )
    features = build_reference(x[columns], times).with_response(
        measure_score_response(x[columns], x["score"])
    )
    known = x[x["late"].notna()]
    return {
        "features": features,
        "scores": build_reference(x[SCORES], times, x["score"]),
        "metrics": compute_metrics(
            "binary", champion().target_values(known), known[SCORES]
        ).to_dict(),
        "rows": x.assign(time=times),
    }


def compare(
    ref: dict,
    features,
    scores,
):
    """The monitor's table of a window's profiles, worst first."""
    import pandas as pd

    from mlops_nb.monitoring.drift import measure_drift

    return pd.concat(
        [
            measure_drift(ref["scores"], scores, given()),
            measure_drift(ref["features"], features, given()),
        ],
        ignore_index=True,
    )


def realised(x) -> dict:
    """Metrics of the labelled rows, those that are watched."""
    from mlops_nb.modeling.measurement import compute_metrics

    known = x[x["late"].notna()]
    got = compute_metrics("binary", champion().target_values(known), known[SCORES])
    return {k: v | {"n": got.n} for k, v in got.to_dict().items() if k in QUALITY}


def judge(
    table,
    metrics: dict | None = None,
    reference: dict | None = None,
):
    from mlops_nb.monitoring.findings import judge_findings
    from mlops_nb.monitoring.rules import collect_findings

    return judge_findings(
        collect_findings(table, given(), metrics, reference, scores=SCORES)
    )


def customary(table) -> str:
    """What the customary limits .1 and .25 of PSI say of a table."""
    return (
        "act"
        if (table["psi"] >= 0.25).any()
        else "watch"
        if (table["psi"] >= 0.1).any()
        else "ok"
    )


# ---- (a) false alarms ----


def halves(
    variant: str,
    split: int,
):
    """(days of the reference, blocks of days to draw windows from, generator)."""
    import numpy as np

    length, block, *_ = VARIANTS[variant]
    rng = np.random.default_rng([SEED, block, length, split])
    blocks = [
        np.arange(d, min(d + block, FAULTY_DAY)) for d in range(0, FAULTY_DAY, block)
    ]
    order = rng.permutation(len(blocks))
    half = len(blocks) // 2
    return (
        np.concatenate([blocks[i] for i in order[:half]])[:length],
        [blocks[i] for i in order[half:]],
        rng,
    )


def drawn(
    blocks: list,
    rng,
):
    """Rows of a window of about thirty days, drawn from the blocks without replacement."""
    import numpy as np

    f, _, at = year()
    chosen = rng.choice(len(blocks), round(LENGTH / len(blocks[0])), replace=False)
    return f.iloc[np.concatenate([at[d] for i in chosen for d in blocks[i]])]


def calm_split(
    variant: str,
    split: int,
) -> list[dict]:
    """One dict per window of a split: our level, what was found, the customary level."""
    from mlops_nb.data.profile import profile_table

    once()
    days, blocks, rng = halves(variant, split)
    ref = learn(days)
    out = []
    for _ in range(VARIANTS[variant][3]):
        x = drawn(blocks, rng)
        table = compare(ref, profile_table(x[year()[1]]), profile_table(x[SCORES]))
        v = judge(table)
        out.append(
            {
                "level": v.level,
                "found": [f.id for f in v.findings if f.severity != "ok"],
                "customary": customary(table),
            }
        )
    return out


def share(hits: list[list[bool]]) -> dict:
    """Share of windows with an exact binomial interval (Clopper–Pearson), and one of a bootstrap over splits, whose windows share limits and days."""
    import numpy as np
    from scipy.stats import binomtest

    flat = [h for s in hits for h in s]
    exact = binomtest(sum(flat), len(flat)).proportion_ci(method="exact")
    per = np.array([np.mean(s) for s in hits])
    boot = np.random.default_rng(SEED).choice(per, (4000, len(per))).mean(1)
    return {
        "n": len(flat),
        "hits": sum(flat),
        "share": sum(flat) / len(flat),
        "low": exact.low,
        "high": exact.high,
        "split_low": float(np.quantile(boot, 0.025)),
        "split_high": float(np.quantile(boot, 0.975)),
    }


def summed(splits: list[list[dict]]) -> dict:
    levels = {"act": ["act"], "watch or act": ["watch", "act"]}
    out = {
        who: {
            name: share([[w[key] in of for w in s] for s in splits])
            for name, of in levels.items()
        }
        for who, key in (("monitor", "level"), ("customary", "customary"))
    }
    found: dict = {}
    for f in (f for s in splits for w in s for f in w["found"]):
        found[f] = found.get(f, 0) + 1
    return out | {
        "found": dict(sorted(found.items(), key=lambda kv: (-kv[1], kv[0]))[:8])
    }


# ---- (b) faults ----

FAULTS = {  # what is told: (columns by whose name it must be reported, whether labels are needed)
    "distance in km": (["distance"], False),
    "wind in m/s": (["wind"], False),
    "two columns swapped": (["waiting_origin", "left_origin"], False),
    "a carrier renamed": (["carrier"], False),
    "sensor stuck": (["humidity"], False),
    "values missing": (["late_carrier_slot"], False),
    "more are late": (["score", *QUALITY], True),
    "one carrier's labels inverted": (QUALITY, True),
}


def broken(
    x,
    fault: str,
    part: float,
    rng,
):
    """The window with a fault in the last `part` of its rows, scored anew where its features changed."""
    import numpy as np
    import pandas as pd

    n = math.ceil(part * len(x))
    x = x.reset_index(drop=True).copy()
    hit = slice(len(x) - n, len(x))

    def put(
        c,
        v,
    ):
        return x.__setitem__(
            c,
            pd.concat(
                [
                    x[c]
                    .iloc[: hit.start]
                    .astype(
                        object if isinstance(x[c].dtype, pd.CategoricalDtype) else float
                    ),
                    v(x[c].iloc[hit]),
                ]
            ),
        )

    if fault == "distance in km":
        put("distance", lambda v: v * 1.609)
    elif fault == "wind in m/s":
        put("wind", lambda v: v * 0.447)
    elif fault == "two columns swapped":
        a, b = FAULTS[fault][0]
        old = x[[a, b]].copy()
        put(a, lambda v: old[b].iloc[hit])
        put(b, lambda v: old[a].iloc[hit])
    elif fault == "a carrier renamed":
        put("carrier", lambda v: v.astype(object).replace({"UA": "UAL"}))
    elif fault == "sensor stuck":
        put("humidity", lambda v: pd.Series(float(v.iloc[0]), index=v.index))
    elif fault == "values missing":
        put("late_carrier_slot", lambda v: pd.Series(np.nan, index=v.index))
    elif fault == "more are late":
        known = x["late"].notna().to_numpy()
        late = x["late"].eq(1).fillna(False).to_numpy(dtype=bool)
        weight = np.where(
            known, np.where(late, 0.5 / late.sum(), 0.5 / (known & ~late).sum()), 0
        )
        taken = rng.choice(len(x), n, p=weight / weight.sum())
        return pd.concat([x.iloc[: hit.start], x.iloc[taken]], ignore_index=True)
    else:
        flip = np.zeros(len(x), bool)
        flip[hit] = x["carrier"].iloc[hit].eq("UA").to_numpy()
        return x.assign(late=x["late"].where(~flip, 1 - x["late"]))
    anew = champion().predict(x.iloc[hit])
    return x.assign(**{c: pd.concat([x[c].iloc[: hit.start], anew[c]]) for c in SCORES})


def watch_split(split: int) -> list[dict]:
    """One dict per window, fault and share: whether it was reported, by its column, at act. The first window goes to the peers, too."""
    import numpy as np

    from mlops_nb.data.profile import Profile, profile_table

    once()
    days, blocks, rng = halves("days shuffled", 100 + split)
    ref = learn(days)
    out = []
    columns = year()[1]
    hand_over(f"faults-{split}", "reference", ref["rows"])
    for window in range(FAULT_WINDOWS):
        x = drawn(blocks, rng).reset_index(drop=True)
        base = profile_table(x[columns])
        table = compare(ref, base, profile_table(x[SCORES]))
        seen = {
            labelled: rank(
                judge(table, *((realised(x), ref["metrics"]) if labelled else ()))
            )
            for labelled in (False, True)
        }
        if not window:
            hand_over(f"faults-{split}", "as it is", x)
        for i, (fault, (names, labelled)) in enumerate(FAULTS.items()):
            for part in SHARES:
                y = broken(
                    x, fault, part, np.random.default_rng([SEED, split, window, i])
                )
                if fault == "one carrier's labels inverted":
                    now = table
                else:
                    p = profile_table(y[columns if fault == "more are late" else names])
                    now = compare(
                        ref,
                        Profile(p.rows, {**base.columns, **p.columns}),
                        profile_table(y[SCORES]),
                    )
                found = rank(
                    judge(now, *((realised(y), ref["metrics"]) if labelled else ()))
                )
                new = {k: v for k, v in found.items() if v > seen[labelled].get(k, 0)}
                mine = [k for k in new if k.rpartition(".")[2] in names]
                out.append(
                    {
                        "fault": fault,
                        "share": part,
                        "named": bool(mine),
                        "any": bool(new),
                        "act": 2 in new.values(),
                        "customary": any(
                            now.set_index("column")["psi"].get(c, 0)
                            >= 0.1
                            > table.set_index("column")["psi"].get(c, 0)
                            for c in names
                        ),
                    }
                )
                if not window:
                    hand_over(f"faults-{split}", f"{fault}|{part}", y)
    return out


def rank(verdict) -> dict[str, int]:
    return {f.id: ("ok", "watch", "act").index(f.severity) for f in verdict.findings}


# ---- (c) the real year ----


def real_year() -> list[dict]:
    """April to December against January to March, as the pipeline does: what the monitor says without and with labels, and the metrics."""
    import pandas as pd

    from mlops_nb.core.files import read_json
    from mlops_nb.data.profile import profile_table
    from mlops_nb.monitoring.reference import build_reference
    from mlops_nb.monitoring.score_response import measure_score_response

    once()
    f, columns, _ = year()
    month, valid = f["sched_dep"].dt.month, pd.read_parquet(HOME / "valid.parquet")
    seen = f[month <= 3]
    held = seen.loc[valid.index]
    ref = {
        "features": build_reference(
            seen[columns], seen["sched_dep"].reset_index(drop=True)
        ).with_response(measure_score_response(held[columns], valid["score"])),
        "scores": build_reference(
            valid[SCORES], held["sched_dep"].reset_index(drop=True), valid["score"]
        ),
    }
    then = read_json(HOME / "metrics.json")
    hand_over(
        "year",
        "reference",
        seen.assign(**valid[SCORES]).assign(
            score=lambda d: d["score"].fillna(seen["score"]),
            prediction=lambda d: d["prediction"].fillna(seen["prediction"]),
            time=seen["sched_dep"],
        ),
        ends=False,
    )
    out = [{"month": "trained", "auc": then["auc"]}]
    for m in range(4, 13):
        x = f[month == m]
        table = compare(ref, profile_table(x[columns]), profile_table(x[SCORES]))
        metrics = realised(x)
        drift = judge(table)
        all_ = judge(table, metrics, then)
        hand_over("year", f"2013-{m:02}", x.assign(time=x["sched_dep"]), ends=False)
        out.append(
            {
                "month": f"2013-{m:02}",
                "auc": metrics["auc"],
                "drift": drift.level,
                "act": [g.id for g in drift.findings if g.severity == "act"],
                "watch": [g.id for g in drift.findings if g.severity == "watch"],
                "labelled": all_.level,
                "quality": {
                    g.id: g.severity
                    for g in all_.findings
                    if g.quantity == "quality" and g.severity != "ok"
                },
                "customary": customary(table),
                "customary_act": int((table["psi"] >= 0.25).sum()),
                "customary_watch": int((table["psi"] >= 0.1).sum()),
            }
        )
    return out


# ---- the peers ----


def hand_over(
    job: str,
    name: str,
    x,
    ends: bool = True,
) -> None:
    """Write a window or a reference for the peers, thinned evenly."""
    from mlops_nb.data.windows import sample_evenly

    folder = HOME / "peers" / job
    folder.mkdir(parents=True, exist_ok=True)
    x = sample_evenly(x, PEER_ROWS[name != "reference"])
    columns = [*year()[1], *SCORES, "late", *(["time"] if "time" in x else [])]
    x = (
        x[columns]
        .reset_index(drop=True)
        .astype(
            {c: "float64" for c in columns if c not in (*CATEGORIES, "time")}
            | dict.fromkeys(CATEGORIES, "str")
        )
    )
    x.to_parquet(folder / f"{name.replace('/', '%')}.parquet")


def hand_over_calm(split: int) -> list[dict]:
    """The same windows as in `calm_split`, the first few of them, for the peers."""
    days, blocks, rng = halves("days shuffled", split)
    hand_over(f"calm-{split}", "reference", learn(days)["rows"])
    for i in range(PEER_WINDOWS):
        hand_over(f"calm-{split}", f"{i:02}", drawn(blocks, rng))
    return []


def read_job(folder: Path):
    """(reference, {name: window}) with categories as pandas categories."""
    import pandas as pd

    def read(p):
        return pd.read_parquet(p).astype(dict.fromkeys(CATEGORIES, "category"))

    return read(folder / "reference.parquet"), {
        p.stem.replace("%", "/"): read(p)
        for p in sorted(folder.glob("*.parquet"))
        if p.stem != "reference"
    }


def watched(
    job: str,
    name: str,
    columns: list[str],
) -> list[str]:
    """The columns that a window is judged by: where faults are put in, those that they touch, as a column's test does not depend on the others."""
    faults = [name.partition("|")[0]] if "|" in name else FAULTS
    return (
        sorted({"score", *(c for f in faults for c in FAULTS[f][0] if c in columns)})
        if job.startswith("faults")
        else columns
    )


def evidently(
    job: str,
    folder: Path,
) -> dict:
    """By window the columns that drift by the default methods and thresholds, and whether the data set does."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    ref, windows = read_job(folder)
    columns = [c for c in ref if c not in ("prediction", "late", "time")]
    kinds = DataDefinition(
        numerical_columns=[c for c in columns if c not in CATEGORIES],
        categorical_columns=CATEGORIES,
    )
    reference = Dataset.from_pandas(ref[columns], data_definition=kinds)
    out = {}
    for name, w in windows.items():
        w[CATEGORIES] = w[CATEGORIES].astype(object).astype("category")
        try:
            got = json.loads(
                Report([DataDriftPreset(columns=watched(job, name, columns))])
                .run(Dataset.from_pandas(w[columns], data_definition=kinds), reference)
                .json()
            )
        except ValueError as e:  # a column without any value, which it names
            out[name] = {
                "columns": [c for c in columns if f"'{c}'" in str(e)],
                "dataset": False,
                "raised": str(e),
            }
            continue
        one = [
            m["config"] | {"value": m["value"]}
            for m in got["metrics"]
            if "method" in m["config"]
        ]
        drifted = [
            m["column"]
            for m in one
            if (
                m["value"] < m["threshold"]
                if "p_value" in m["method"]
                else m["value"] >= m["threshold"]
            )
        ]
        out[name] = {"columns": drifted, "dataset": len(drifted) >= len(one) / 2}
    return out


def nannyml(
    job: str,
    folder: Path,
) -> dict:
    """By window the columns with an alert of the default method, and the metrics with an alert. The reference is cut into months; each window is a month of its own."""
    import warnings

    import nannyml as nml
    import pandas as pd

    warnings.simplefilter("ignore")
    ref, windows = read_job(folder)
    columns = watched(
        job, "", [c for c in ref if c not in ("prediction", "late", "time")]
    )
    for i, w in enumerate(windows.values()):
        if "time" not in w:
            w["time"] = pd.Timestamp(2010 + i // 12, i % 12 + 1, 1) + pd.to_timedelta(
                range(len(w)), unit="min"
            )
    current = pd.concat(
        [w.astype(dict.fromkeys(CATEGORIES, object)) for w in windows.values()],
        ignore_index=True,
    ).astype(dict.fromkeys(CATEGORIES, "category"))
    drift = (
        nml.UnivariateDriftCalculator(
            column_names=columns,
            timestamp_column_name="time",
            chunk_period="M",
        )
        .fit(ref)
        .calculate(current)
        .filter(period="analysis")
        .to_df()
    )
    known = ref[ref["late"].notna()]
    perform = nml.PerformanceCalculator(
        metrics=["roc_auc", "f1", "precision"],
        y_true="late",
        y_pred="prediction",
        y_pred_proba="score",
        problem_type="classification_binary",
        timestamp_column_name="time",
        chunk_period="M",
    )
    metrics = (
        perform.fit(known)
        .calculate(current[current["late"].notna()])
        .filter(period="analysis")
        .to_df()
    )
    return {
        name: {
            "columns": [
                c
                for c in columns
                if bool(drift.iloc[i][(c, "jensen_shannon", "alert")])
            ],
            "metrics": [
                m
                for m in ("roc_auc", "f1", "precision")
                if bool(metrics.iloc[i][(m, "alert")])
            ],
        }
        for i, name in enumerate(windows)
    }


def child(peer: str) -> None:
    """Run one peer over every job; write what it says."""
    out = {
        f.name: {"evidently": evidently, "nannyml": nannyml}[peer](f.name, f)
        for f in sorted((HOME / "peers").iterdir())
        if f.is_dir()
    }
    (HOME / f"{peer}.json").write_text(json.dumps(out))


def run_peer(peer: str) -> dict:
    from costs import PINNED, environment
    from peers import QUIET, python

    subprocess.run(
        [python(peer), "-P", str(Path(__file__).resolve()), "child", peer],
        check=True,
        cwd=HOME,
        env=environment(**PINNED, **QUIET),
    )
    return json.loads((HOME / f"{peer}.json").read_text())


def peers_told(got: dict) -> dict:
    """Shares of the peers: false alarms, faults detected, months of the year."""
    out = {}
    for peer, jobs in got.items():
        calm = [list(jobs[j].values()) for j in jobs if j.startswith("calm")]
        said = {
            "at least one column": lambda w: bool(w["columns"]),
            "at least half of the columns": lambda w: w.get(
                "dataset", len(w["columns"]) >= 20
            ),
            "a metric": lambda w: bool(w.get("metrics")),
        }
        faults: dict = {}
        for ws in (jobs[j] for j in jobs if j.startswith("faults")):
            for name, w in ws.items():
                if name == "as it is":
                    continue
                fault, part = name.split("|")
                new = [
                    c
                    for k in ("columns", "metrics")
                    for c in w.get(k, [])
                    if c not in ws["as it is"].get(k, [])
                ]
                faults.setdefault(fault, {}).setdefault(part, []).append(
                    any(
                        c
                        in (
                            *FAULTS[fault][0],
                            *(["roc_auc"] if FAULTS[fault][1] else []),
                        )
                        for c in new
                    )
                )
        out[peer] = {
            "calm": {
                k: share([[f(w) for w in s] for s in calm])
                for k, f in said.items()
                if calm and (peer == "nannyml" or k != "a metric")
            },
            "columns a window": sum(len(w["columns"]) for s in calm for w in s)
            / max(sum(map(len, calm)), 1),
            "faults": {
                f: {p: [sum(v), len(v)] for p, v in by.items()}
                for f, by in faults.items()
            },
            "year": {
                m: {
                    "columns": len(w["columns"]),
                    "which": w["columns"][:4],
                    "dataset": w.get("dataset"),
                    "metrics": w.get("metrics"),
                }
                for m, w in jobs["year"].items()
            },
        }
    return out


# ---- all of it ----


def cpu() -> float:
    return sum(
        r.ru_utime + r.ru_stime
        for r in (
            resource.getrusage(resource.RUSAGE_SELF),
            resource.getrusage(resource.RUSAGE_CHILDREN),
        )
    )


def spread(
    f,
    calls: list[tuple],
) -> list:
    """The calls on two processors, in order."""
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        return [j.result() for j in [pool.submit(f, *c) for c in calls]]


def table(rows: list[dict]) -> dict:
    """Of the monitor and the customary limits: by fault and share (named, at act, any, customary, of)."""
    out: dict = {}
    for r in rows:
        cell = out.setdefault(r["fault"], {}).setdefault(
            str(r["share"]), {"named": 0, "act": 0, "any": 0, "customary": 0, "of": 0}
        )
        for k in ("named", "act", "any", "customary"):
            cell[k] += bool(r[k])
        cell["of"] += 1
    return out


def execute(guide: Path) -> None:
    """Run the guide, so that its tables and figures are those of the results."""
    import nbformat
    from nbclient import NotebookClient

    nb = nbformat.read(guide, 4)
    NotebookClient(
        nb, timeout=300, resources={"metadata": {"path": str(guide.parent)}}
    ).execute()
    for c in nb.cells:
        c.metadata.pop("execution", None)
    nb.metadata = {
        "kernelspec": {
            "display_name": "python3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
    guide.write_text(nbformat.writes(nb, indent=1) + "\n")


def main() -> None:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument(
        "--no-peers",
        action="store_true",
        help="our side alone; the peers' figures stay those of the last run",
    )
    p.add_argument("--fresh", action="store_true", help="make the input anew")
    p.add_argument(
        "--keep",
        action="store_true",
        help="print only, leave the committed results and the guide as they are",
    )
    a = p.parse_args()
    from costs import say
    from guide import machine

    from mlops_nb.pipeline.environment import pin_kernels

    pin_kernels()  # before numpy comes
    if a.fresh or not (HOME / "year.parquet").exists():
        say("every flight of the year, with features and scores")
        HOME.mkdir(parents=True, exist_ok=True)
        spread(
            make_year, [()]
        )  # in a process of its own: threads do not survive a fork
    begun = cpu()
    got = {
        "rows": len(year()[0]),
        "columns": len(year()[1]),
        "machine": machine(),
        "variants": {},
    }
    for v, (_, _, splits, windows) in VARIANTS.items():
        got["variants"][v] = summed(
            spread(calm_split, [(v, s) for s in range(splits)])
        ) | {
            "splits": splits,
            "windows": windows,
            "reference": VARIANTS[v][0],
        }
        say(
            f"{v}: "
            + ", ".join(
                f"{k} {x['hits']} of {x['n']}"
                for k, x in got["variants"][v]["monitor"].items()
            )
        )
    got["faults"] = table(
        [r for s in spread(watch_split, [(s,) for s in range(FAULT_SPLITS)]) for r in s]
    )
    say(
        "faults: "
        + "; ".join(
            f"{f} {' '.join(str(c['named']) for c in by.values())} of {FAULT_SPLITS * FAULT_WINDOWS}"
            for f, by in got["faults"].items()
        )
    )
    got["year"] = real_year()
    say(
        "year: "
        + ", ".join(
            f"{m['month']} {m.get('drift', '')} {m['auc']['value']:.3f}"
            for m in got["year"]
        )
    )
    got["cpu"] = round(cpu() - begun)
    say(f"{got['cpu']} CPU s")
    if a.no_peers and RESULTS.exists():
        got["peers"] = json.loads(RESULTS.read_text()).get("peers", {})
    elif not a.no_peers:
        spread(hand_over_calm, [(s,) for s in range(PEER_SPLITS)])
        got["peers"] = peers_told({n: run_peer(n) for n in ("nannyml", "evidently")})
    if not a.keep:
        RESULTS.write_text(json.dumps(got, indent=1) + "\n")
        if GUIDE.exists():
            execute(GUIDE)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.path.insert(0, str(ROOT / "benchmarks"))
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2])
    else:
        main()
