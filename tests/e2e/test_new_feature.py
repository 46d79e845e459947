"""A new feature is one function."""

import json

import numpy as np
import pandas as pd
from helpers.project import change, run_mlops_nb

FEATURE = """
import pandas as pd
from mlops_nb.data.features import features


@features(sources=("events",), owner="us", price_cents=("float32", "Price in cents"))
def cents(events, history):
    return pd.DataFrame({"price_cents": (events.price * 100).astype("float32")})
"""


def test_a_new_feature_is_one_function(small):
    """Written, named in params.yaml, and it is in the features and in the catalogue."""
    (small / "mlops_nb" / "examples" / "mine.py").write_text(FEATURE)
    modules = ["mlops_nb.examples.mine"]
    change(small, features={"modules": modules, "columns": "auto", "exclude": []})
    run_mlops_nb("run", "preprocess", "train", cwd=small)
    rows = pd.read_parquet(small / "data" / "features" / "train.parquet")
    results = json.loads((small / "reports" / "preprocess-train.json").read_text())[
        "results"
    ]
    entry = results["catalogue"]["price_cents"]
    assert np.allclose(rows.price_cents, rows.price * 100, equal_nan=True)
    assert entry["owner"] == "us"
    assert entry["digest"]
