"""Preprocess all flights of a year with all features in one window, in this process.

The last line printed is JSON: rows, columns, and CPU seconds by part.
"""

import json
import time

from mlops_nb.core.config import read_params
from mlops_nb.core.project import input_path
from mlops_nb.data.contract import DataContract
from mlops_nb.data.contract_check import check_contract
from mlops_nb.data.feature_table import build_features
from mlops_nb.data.ingest import select_window_rows
from mlops_nb.data.settings import read_data_settings
from mlops_nb.data.sources import load_tables
from mlops_nb.data.windows import read_windows

WINDOWS = {
    "train": {"start": "2013-01", "end": "2013-12"},
    "current": {"start": "2014-01", "end": "2014-01"},
}


class Laps:
    """CPU seconds of the parts of this process, one after the other."""

    def __init__(self) -> None:
        """Take what has passed until now as the first part."""
        self.seconds = {"import": time.process_time()}

    def end(self, part: str) -> None:
        """Take what has passed since the last part as this one."""
        self.seconds[part] = time.process_time() - sum(self.seconds.values())


def main() -> None:
    """Preprocess, and print what it cost."""
    params = read_params()
    params["windows"] = WINDOWS
    settings = read_data_settings(params)
    window = read_windows(params)["train"]
    contract = DataContract.read(input_path("data/schema.yaml"))
    laps = Laps()
    tables = select_window_rows(load_tables(settings, window), settings, window)
    events = tables.pop("events")
    laps.end("load")
    check_contract(events, contract, settings, is_training=True)
    laps.end("contract")
    X = build_features(
        events,
        tables,
        settings.time,
        params["features"],
        settings.target,
        settings.keys,
    )
    laps.end("features")
    print(json.dumps({"rows": len(X), "columns": X.shape[1], "parts": laps.seconds}))


if __name__ == "__main__":
    main()
