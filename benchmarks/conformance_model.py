"""A model for other servers, as MLflow keeps it; run in the environment of such a server.

python benchmarks/conformance_model.py FOLDER: writes a model of wind and carrier to FOLDER/model,
and beside it the settings that MLServer reads.
"""

import json
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

MODEL_NAME = "flights"
ROWS = 400
TRUSTED = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]


def make_flights():
    """Return flights and whether they were late; some values are missing."""
    random = np.random.default_rng(0)
    flights = pd.DataFrame(
        {
            "wind": random.gamma(3, 4, ROWS).round(1),
            "carrier": random.choice(["AA", "B6"], ROWS).astype(object),
        }
    )
    is_late = (flights["wind"] + random.normal(0, 4, ROWS) > 14).astype(int)
    flights.loc[::50, "wind"] = np.nan
    flights.loc[::70, "carrier"] = None
    return flights, is_late


def fit(
    flights,
    is_late,
):
    """Return a booster behind an encoder of the carrier."""
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    columns = make_column_transformer((encoder, ["carrier"]), remainder="passthrough")
    booster = HistGradientBoostingClassifier(max_iter=20, random_state=0)
    return make_pipeline(columns, booster).fit(flights, is_late)


def write_settings(folder):
    """Write what MLServer reads: which model, and which runtime scores it."""
    settings = {
        "name": MODEL_NAME,
        "implementation": "mlserver_mlflow.MLflowRuntime",
        "parameters": {"uri": str(folder / "model")},
    }
    (folder / "model-settings.json").write_text(json.dumps(settings))


def main():
    """Fit the model and write it."""
    folder = Path(sys.argv[1])
    flights, is_late = make_flights()
    model = fit(flights, is_late)
    signature = mlflow.models.infer_signature(flights, model.predict(flights))
    mlflow.sklearn.save_model(
        model,
        folder / "model",
        signature=signature,
        skops_trusted_types=TRUSTED,
    )
    write_settings(folder)


if __name__ == "__main__":
    main()
