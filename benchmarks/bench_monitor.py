"""What watching a model costs, beside Evidently and NannyML on the same columns and windows, and how the cost grows. `make bench-monitor` measures; nothing is asserted.

Input: the flights of 2013 with 20 columns, January to March as reference (80,789 rows), nine months to compare, with the scores of a model fitted on the reference; made from the data set that comes
with the example. Each peer runs in an environment of its own under `.mlops/peers`, its usage reports switched off. **Compute** is the CPU time of a process after its imports and after the data lie in
memory as it wants them; **process** is all of it, start and imports included. All sides run in turns, several times, and the least counts, because other work on a machine can only add.

This file is also what each side runs: `python bench_monitor.py child SIDE TASK …` in the side's own environment, so only the standard library is imported at the top.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".mlops" / "peers"
INPUT = ROOT / ".mlops" / "bench_monitor"
RESULTS = ROOT / "benchmarks" / "bench_monitor.json"
GUIDE = ROOT / "nbs" / "guides" / "benchmarks.ipynb"
MARK = "<!-- written by make bench-monitor -->"

COMMON = [
    "numpy==2.3.5",
    "pandas==2.3.3",
    "scipy==1.17.1",
    "pyarrow==26.0.1",
    "statsmodels==0.15.0",
]
PEERS = {  # what pip must be told. Evidently fails to import with pandas 3; NannyML imports statsmodels without asking for it
    "evidently": ["evidently==0.7.23", "scikit-learn==1.9.1", *COMMON],
    "nannyml": ["nannyml==0.13.1", "scikit-learn==1.7.2", *COMMON],
}
QUIET = {
    "DO_NOT_TRACK": "1",
    "EVIDENTLY_DISABLE_TELEMETRY": "1",
    "NML_DISABLE_USAGE_LOGGING": "1",
}

CATEGORIES = ["carrier", "origin", "dest", "manufacturer"]
NUMBERS = [
    "distance",
    "hour",
    "weekday",
    "duration",
    "busy",
    "seats",
    "plane_year",
    "temp",
    "dewp",
    "humid",
    "wind_dir",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
]
COLUMNS = CATEGORIES + NUMBERS
MONTHS = [f"2013-{m:02}" for m in range(4, 13)]
TASKS = {"month": MONTHS[:1], "sweep": MONTHS, "js": MONTHS, "cbpe": MONTHS}
LN2 = 0.6931471805599453


# ---- the common input: runs in the project's environment ----


def flights():
    """All flights of 2013: the 20 columns, `time`, and the label `late` (missing for cancelled flights)."""
    import pandas as pd

    from mlops_nb.examples.flights import read_flights, read_nycflights_csv

    f = read_flights().rename(columns={"sched_dep": "time"})
    planes = read_nycflights_csv(
        "planes.csv", ["tailnum", "year", "manufacturer", "seats"]
    ).rename(columns={"year": "plane_year"})
    weather = (
        read_nycflights_csv("weather.csv")
        .drop(columns=["year", "month", "day", "hour"])
        .drop_duplicates(["origin", "time_hour"])
    )
    month = f["month"]
    f = (
        f.assign(origin=f["origin"].astype(str), tailnum=f["tailnum"].astype(object))
        .merge(planes, how="left", on="tailnum")
        .merge(weather, how="left", on=["origin", "time_hour"])
    )
    f["window"] = month.map(
        lambda m: "reference" if m < 4 else f"2013-{m:02}"
    ).to_numpy()
    for c in CATEGORIES:
        f[c] = pd.Categorical(
            f[c].astype(object), categories=sorted(f[c].dropna().astype(str).unique())
        )
    return f[["window", "time", *COLUMNS, "late"]].astype(
        dict.fromkeys(NUMBERS, "float64") | {"late": "float64"}
    )


def scores(f):
    """P(late) by a model of the reference's flights; for those themselves by models that have not seen them."""
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import KFold, cross_val_predict

    X = f[COLUMNS].assign(**{c: f[c].cat.codes for c in CATEGORIES}).to_numpy("float64")
    model = HistGradientBoostingClassifier(
        max_iter=40,
        learning_rate=0.1,
        max_leaf_nodes=15,
        random_state=0,
        early_stopping=False,
    )
    known = (f["window"].eq("reference") & f["late"].notna()).to_numpy()
    p = np.full(len(f), np.nan)
    y = f["late"].to_numpy()
    p[~known] = model.fit(X[known], y[known]).predict_proba(X[~known])[:, 1]
    p[known] = cross_val_predict(
        model, X[known], y[known], cv=KFold(3), method="predict_proba"
    )[:, 1]
    return p


def make_input(folder: Path) -> None:
    """reference.parquet and one file per month in `folder`."""
    f = flights()
    f["score"] = scores(f)
    f["flagged"] = (f["score"] >= 0.3).astype("float64")
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in f.groupby("window", sort=False):
        part.drop(columns="window").reset_index(drop=True).to_parquet(
            folder / f"{name}.parquet"
        )


def make_scale(
    folder: Path,
    rows: int,
    copies: int,
) -> None:
    """`rows` rows drawn from the year's flights, the 20 columns `copies` times, in row groups of at most 1,000,000 rows. Text as plain strings, as most files have it."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    year = (
        pa.concat_tables(
            [
                pq.read_table(
                    folder / f"{n}.parquet", columns=COLUMNS
                ).replace_schema_metadata()
                for n in ["reference", *MONTHS]
            ]
        )
        .unify_dictionaries()
        .combine_chunks()
    )
    draw = np.random.default_rng(rows)
    to = scale_path(folder, rows, copies)
    names = [c if i == 0 else f"{c}_{i}" for i in range(copies) for c in COLUMNS]
    with pq.ParquetWriter(
        f"{to}.tmp",
        pa.schema(
            [
                (n, pa.string() if n.partition("_")[0] in CATEGORIES else pa.float64())
                for n in names
            ]
        ),
    ) as out:
        for start in range(0, rows, 1_000_000):
            here = [
                draw.integers(0, len(year), min(1_000_000, rows - start))
                for _ in range(copies)
            ]
            got = [
                year[c].take(pa.array(here[i])) for i in range(copies) for c in COLUMNS
            ]
            out.write_table(
                pa.table(
                    [
                        g.cast(pa.string()) if pa.types.is_dictionary(g.type) else g
                        for g in got
                    ],
                    out.schema,
                ),
                row_group_size=1_000_000,
            )
    os.replace(f"{to}.tmp", to)


def scale_path(
    folder: Path,
    rows: int,
    copies: int = 1,
) -> Path:
    return folder / f"scale-{rows}x{20 * copies}.parquet"


# ---- the sides: each loads what `task` needs and returns a function that computes it ----


def load(
    folder: Path,
    task: str,
):
    """Reference and the windows of a task as DataFrames. Categories are pandas categories: NannyML is faster with them than with text, Evidently no slower."""
    import pandas as pd

    def read(n):
        return pd.read_parquet(folder / f"{n}.parquet")

    return read("reference"), {m: read(m) for m in TASKS[task]}


def evidently(
    task: str,
    folder: Path,
    path: str = "",
):
    """The drift report with default methods as JSON, each window against the reference. `path`: instead of the windows, this file."""
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    ref, windows = load(folder, "month" if path else task)
    if path:
        windows = {"scale": pd.read_parquet(path)}
    kinds = DataDefinition(numerical_columns=NUMBERS, categorical_columns=CATEGORIES)
    ref, windows = ref[COLUMNS], {k: w[COLUMNS] for k, w in windows.items()}

    def compute() -> dict:
        reference = Dataset.from_pandas(ref, data_definition=kinds)
        out = {}
        for k, w in windows.items():
            out[k] = json.loads(
                Report([DataDriftPreset()])
                .run(Dataset.from_pandas(w, data_definition=kinds), reference)
                .json()
            )
        return {
            k: {
                m["config"]["column"]: [m["config"]["method"], m["value"]]
                for m in r["metrics"]
                if "method" in m["config"]
            }
            for k, r in out.items()
        }

    return compute


def nannyml(
    task: str,
    folder: Path,
):
    """Univariate drift with the default method, or the performance estimate, by calendar month; the reference is three chunks."""
    import warnings

    import nannyml as nml
    import pandas as pd

    warnings.simplefilter("ignore")
    ref, windows = load(folder, task)
    current = pd.concat(windows.values(), ignore_index=True)
    ref, months = ref[ref["late"].notna()] if task == "cbpe" else ref, list(windows)

    def drift() -> dict:
        calc = nml.UnivariateDriftCalculator(
            column_names=COLUMNS,
            timestamp_column_name="time",
            chunk_period="M",
        ).fit(ref)
        got = calc.calculate(current).filter(period="analysis").to_df()
        return {
            m: {
                c: [
                    "jensen_shannon",
                    float(got.iloc[i][(c, "jensen_shannon", "value")]),
                ]
                for c in COLUMNS
            }
            for i, m in enumerate(months)
        }

    def performance() -> dict:
        e = nml.CBPE(
            metrics=["roc_auc", "accuracy", "f1"],
            y_pred="flagged",
            y_pred_proba="score",
            y_true="late",
            problem_type="classification_binary",
            timestamp_column_name="time",
            chunk_period="M",
        )
        got = e.fit(ref).estimate(current).filter(period="analysis").to_df()
        return {
            m: {
                k: ["estimated", float(got.iloc[i][(k, "value")])]
                for k in ("roc_auc", "accuracy", "f1")
            }
            for i, m in enumerate(months)
        }

    return performance if task == "cbpe" else drift


# ======== our side: the only place that knows the package's interface ========


def ours(
    task: str,
    folder: Path,
    path: str = "",
):
    """Profile the reference once and every window, and all statistics between them. `path`: one pass over this file instead."""
    from mlops_nb.data.profile import profile_table
    from mlops_nb.data.profile_stream import profile_file

    if path:
        return lambda: {"rows": profile_file(path).rows}
    if task == "cbpe":
        ref, windows = load(folder, task)
        return lambda: expected(profile_table, ref, windows)
    import pyarrow.parquet as pq

    from mlops_nb.monitoring.column_comparison import compare_profiles

    if task != "js":
        import scipy.special  # noqa: F401  what p-values come from
    ref, *windows = (
        pq.read_table(folder / f"{n}.parquet", columns=COLUMNS, use_threads=False)
        for n in ("reference", *TASKS[task])
    )
    windows = dict(zip(TASKS[task], windows, strict=False))

    def compute() -> dict:
        reference = profile_table(ref)
        hints = {
            k: c.dropped_bits for k, c in reference.columns.items()
        }  # no finer than what it is held against
        return {
            k: values(
                compare_profiles(
                    reference,
                    profile_table(w, dropped_bits=hints),
                    only=("js",) if task == "js" else (),
                )
            )
            for k, w in windows.items()
        }

    return compute


def expected(
    profile,
    ref,
    windows,
) -> dict:
    """Estimated metrics of each window, as NannyML's CBPE gives them: without intervals that resample the reference."""
    import numpy as np

    from mlops_nb.monitoring.calibration import calibrate
    from mlops_nb.monitoring.binning import align_columns
    from mlops_nb.monitoring.performance_estimate import estimate_from_histogram

    ref = ref[ref["late"].notna()]
    both = align_columns(
        *(
            profile(ref.loc[ref["late"] == v, ["score"]]).columns["score"]
            for v in (1, 0)
        )
    )
    known = calibrate(both.values, both.reference, both.current)
    got = {}
    for name, w in windows.items():
        c = profile(w[["score"]]).columns["score"]
        found = estimate_from_histogram(
            np.clip(c.bucket_values, 0, 1), c.bucket_counts, known, 0.5
        )
        got[name] = {
            n: {"estimated": found[k]["value"]}
            for n, k in (("roc_auc", "auc"), ("accuracy", "accuracy"), ("f1", "f1"))
        }
    return got


JS = "js"  # the column of `differences` with the Jensen–Shannon distance in base 2


def values(table) -> dict:
    """Every number of a table of differences, by column of the data."""
    lists = {k: table[k].tolist() for k in table}
    return {
        str(c): {
            k: float(v[i]) for k, v in lists.items() if isinstance(v[i], (int, float))
        }
        for i, c in enumerate(lists.pop("column"))
    }


# ======== end of our side ========


def decode(
    task: str,
    folder: Path,
    path: str = "",
):
    """Merely decode a Parquet file, batch by batch, one thread: what any one pass over it costs at least."""
    import pyarrow.parquet as pq

    return lambda: {
        "rows": sum(
            len(b) for b in pq.ParquetFile(path).iter_batches(use_threads=False)
        )
    }


def peak_mb() -> float:
    """The most memory this process has held. (ru_maxrss would include that of the process which started it.)."""
    try:
        kb = next(
            line.split()[1]
            for line in Path("/proc/self/status").read_text().splitlines()
            if line.startswith("VmHWM")
        )
        return int(kb) / 1024
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
            2**20 if sys.platform == "darwin" else 1024
        )


def child(
    side: str,
    task: str,
    *more: str,
) -> None:
    """Run one side in this process; the last line printed is what it cost and what it found."""
    try:
        compute = {
            "evidently": evidently,
            "nannyml": nannyml,
            "ours": ours,
            "decode": decode,
        }[side](task, INPUT, *more)
    except ImportError as e:
        if side != "ours":
            raise
        return print(json.dumps({"missing": str(e)}))
    begun = time.process_time()
    got = compute()
    print(
        "\n"
        + json.dumps(
            {
                "compute": time.process_time() - begun,
                "before": begun,
                "peak_mb": peak_mb(),
                "values": got,
            }
        )
    )
    return None


# ---- running and telling: the parent, which stays small ----


def python(side: str) -> str:
    """The interpreter of a side; a peer's environment is made where it is missing or has other versions than are asked for."""
    if side not in PEERS:
        return sys.executable
    home = HOME / side
    asked = "\n".join(PEERS[side])
    inside = home / "bin" / "python"
    if not (home / "asked.txt").exists() or (home / "asked.txt").read_text() != asked:
        print(f"an environment for {side} in {home.relative_to(ROOT)}", flush=True)
        venv.create(home, clear=True, with_pip=True)
        subprocess.run([inside, "-m", "pip", "install", "-q", *PEERS[side]], check=True)
        (home / "asked.txt").write_text(asked)
    return str(inside)


def run(
    side: str,
    task: str,
    *more: str,
) -> dict:
    """One run of a side: CPU seconds of the computing and of the whole process, peak memory, values found."""
    from bench import PINNED, cost

    got = cost(
        python(side),
        "-P",
        str(Path(__file__).resolve()),
        "child",
        side,
        task,
        *more,
        cwd=INPUT,
        **PINNED,
        **QUIET,
        PYTHONPATH=str(ROOT) if side == "ours" else "",
    )
    found = json.loads(got["out"].strip().splitlines()[-1])
    return found if "missing" in found else found | {"process": got["cpu"]}


def project(code: str) -> None:
    """Run a function of this file in a process of its own, so that the parent does not grow."""
    from bench import PINNED, cost

    cost(
        sys.executable,
        "-c",
        f"import bench_monitor as b; {code}",
        cwd=ROOT,
        **PINNED,
        PYTHONPATH=f"{ROOT}{os.pathsep}{ROOT / 'benchmarks'}",
    )


def least(
    old: dict,
    new: dict,
) -> dict:
    return new | {
        k: min(old[k], new[k])
        for k in ("compute", "process", "before")
        if k in old and k in new
    }


def in_turns(
    calls: list[tuple],
    repeats: int,
) -> dict:
    """Each call `(side, task, …)` once a round; by call the least."""
    from bench import say

    got: dict = {}
    for _ in range(repeats):
        for c in calls:
            new = run(*c)
            name = " ".join(Path(x).stem for x in c)
            say(
                f"  {name}: {new['missing']}"
                if "missing" in new
                else f"  {name}: compute {new['compute']:.2f}, process {new['process']:.2f} CPU s, peak {new['peak_mb']:.0f} MB"
            )
            got[name] = least(got.get(name, {}), new)
    return got


CALLS = [
    ("evidently", "month"),
    ("ours", "month"),
    ("evidently", "sweep"),
    ("ours", "sweep"),
    ("nannyml", "sweep"),
    ("ours", "js"),
    ("nannyml", "cbpe"),
    ("ours", "cbpe"),
]


def scale(
    sizes: list[tuple[int, int]],
    repeats: int,
    peer_rows: int,
) -> list[dict]:
    """Decoding, ours, and for `peer_rows` rows Evidently, by size of the file."""
    out = []
    for rows, copies in sizes:
        path = scale_path(INPUT, rows, copies)
        if not path.exists():
            project(f"b.make_scale(b.INPUT, {rows}, {copies})")
        calls = [("decode", "scale", str(path)), ("ours", "scale", str(path))]
        calls += (
            [("evidently", "scale", str(path))]
            if rows == peer_rows and copies == 1
            else []
        )
        got = in_turns(calls, repeats if rows <= 1_000_000 else 1)
        out.append(
            {"rows": rows, "columns": 20 * copies, "file_mb": path.stat().st_size / 1e6}
            | {
                k.split()[0]: {n: x for n, x in v.items() if n != "values"}
                for k, v in got.items()
            }
        )
    return out


def agreement(got: dict) -> dict:
    """Largest difference between the sides in the Jensen–Shannon distance of the categories, where the definitions are the same but for the logarithm's base (Evidently: e)."""

    def side(n):
        return got.get(f"{n} sweep", {}).get("values", {})

    js = {
        "evidently": lambda m, c: side("evidently")[m][c][1] / LN2**0.5,
        "nannyml": lambda m, c: side("nannyml")[m][c][1],
        "ours": lambda m, c: side("ours")[m][c][JS],
    }
    pairs = [
        (a, b)
        for a, b in (
            ("evidently", "nannyml"),
            ("ours", "evidently"),
            ("ours", "nannyml"),
        )
        if side(a) and side(b)
    ]
    return {
        f"{a} and {b}": {
            c: max(abs(js[a](m, c) - js[b](m, c)) for m in MONTHS) for c in CATEGORIES
        }
        for a, b in pairs
    }


def tables(got: dict) -> str:
    """The results in Markdown."""
    from bench import machine, table

    side = got["sides"]
    rows = []
    for what, peer, task, part, target in (
        ("one month, compute", "evidently", "month", "compute", "≥ 20"),
        ("nine months, compute", "evidently", "sweep", "compute", "≥ 100"),
        ("nine months, whole process", "evidently", "sweep", "process", "≥ 20"),
        (
            "nine months, compute, its one statistic",
            "nannyml",
            "sweep js",
            "compute",
            "≥ 15",
        ),
        (
            "nine months, whole process, its one statistic",
            "nannyml",
            "sweep js",
            "process",
            "≥ 7",
        ),
        (
            "nine months, compute, all our statistics",
            "nannyml",
            "sweep",
            "compute",
            "–",
        ),
        (
            "estimated AUC, accuracy and F1, nine months, compute",
            "nannyml",
            "cbpe",
            "compute",
            "–",
        ),
    ):
        p = side[f"{peer} {task.split()[0]}"][part]
        o = side[f"ours {task.split()[-1]}"].get(part)
        rows.append(
            [
                what,
                {"evidently": "Evidently", "nannyml": "NannyML"}[peer],
                f"{p:.2f}",
                "–" if o is None else f"{o:.3f}",
                "–" if o is None else f"{p / o:.0f}",
                target,
            ]
        )

    def fine(
        s,
        k,
        f,
    ):
        return format(s[k], f) if k in (s or {}) else "–"

    grown = [
        [
            f"{s['rows']:,} × {s['columns']}",
            f"{s['file_mb']:.0f} MB",
            fine(s["decode"], "compute", ".2f"),
            fine(s["ours"], "compute", ".2f"),
            f"{s['ours']['compute'] / s['decode']['compute']:.1f}"
            if "compute" in s["ours"]
            else "–",
            f"{s['decode']['peak_mb']:.0f}",
            fine(s["ours"], "peak_mb", ".0f"),
            fine(s.get("evidently"), "compute", ".1f"),
            fine(s.get("evidently"), "peak_mb", ".0f"),
        ]
        for s in got["scale"]
    ]
    same = "; ".join(
        f"{pair} {max(by.values()):.1e}" for pair, by in got["agreement"].items()
    )
    before = ", ".join(
        f"{n} {side[f'{n} sweep']['before']:.1f}"
        for n in ("evidently", "nannyml", "ours")
        if "before" in side[f"{n} sweep"]
    )
    return "\n\n".join(
        [
            MARK,
            f"Measured on {machine()}: {', '.join(x[0] for x in PEERS.values())}; reference January to March, {len(COLUMNS)} columns. CPU seconds; the least of several runs in turns.",
            table(
                ["what", "peer", "peer's CPU s", "ours", "times less", "target"], rows
            ),
            f"Imports and loading, CPU s: {before}.",
            f"Largest difference in the Jensen–Shannon distance (base 2) of the categories, all months: {same}.",
            table(
                [
                    "file",
                    "size",
                    "decoding, CPU s",
                    "ours",
                    "ours ÷ decoding",
                    "decoding, peak MB",
                    "ours",
                    "Evidently, CPU s",
                    "peak MB",
                ],
                grown,
            ),
        ]
    )


def publish(text: str) -> None:
    """Put the tables in the guide's marked cell, where it has one."""
    nb = json.loads(GUIDE.read_text())
    for cell in nb["cells"]:
        if "".join(cell["source"]).startswith(MARK):
            cell["source"] = text.splitlines(keepends=True)
            GUIDE.write_text(json.dumps(nb, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument(
        "--repeats",
        type=int,
        default=3,
        help="runs of each side, in turns",
    )
    p.add_argument(
        "--rows",
        type=int,
        nargs="*",
        default=[100_000, 1_000_000, 10_000_000],
        help="sizes of the scale part; none: leave it out",
    )
    p.add_argument(
        "--copies",
        type=int,
        nargs="*",
        default=[5, 25],
        help="at 100,000 rows also with the 20 columns so many times",
    )
    p.add_argument(
        "--peer-rows",
        type=int,
        default=1_000_000,
        help="the size at which Evidently runs too; 0: none",
    )
    p.add_argument(
        "--only",
        choices=["ours"],
        help="run our side alone and keep the peers' figures of the last run",
    )
    p.add_argument("--fresh", action="store_true", help="make the input anew")
    p.add_argument(
        "--keep",
        action="store_true",
        help="print only, leave the committed results as they are",
    )
    a = p.parse_args()
    if a.fresh:
        shutil.rmtree(INPUT, ignore_errors=True)
    if not (INPUT / f"{MONTHS[-1]}.parquet").exists():
        project("b.make_input(b.INPUT)")
    old = json.loads(RESULTS.read_text()) if a.only else {"sides": {}}

    def some(calls):
        return [c for c in calls if not a.only or c[0] == a.only]

    sides = (
        old["sides"]
        | in_turns(some(CALLS[:4]), a.repeats)
        | in_turns(some(CALLS[4:]), 3 * a.repeats)
    )  # short runs vary more
    sizes = [(r, 1) for r in a.rows] + [
        (100_000, c) for c in (a.copies if a.rows else [])
    ]
    kept = {
        (s["rows"], s["columns"]): {"evidently": s["evidently"]}
        for s in old.get("scale", [])
        if "evidently" in s
    }
    grown = [
        kept.get((s["rows"], s["columns"]), {}) | s
        for s in scale(sizes, a.repeats, 0 if a.only else a.peer_rows)
    ]
    got = {
        "versions": PEERS,
        "sides": sides,
        "agreement": agreement(sides),
        "scale": grown,
    }
    text = tables(got)
    print(text)
    if not a.keep:
        RESULTS.write_text(json.dumps(got, indent=1) + "\n")
        publish(text)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(*sys.argv[2:])
    else:
        main()
