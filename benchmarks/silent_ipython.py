"""Stand-ins for IPython before a stage's code as a plain script: `display` shows nothing."""

import sys
import types


def show_nothing(*_shown, **_options):
    """Do nothing, as there is no page."""


for name in ("IPython", "IPython.display"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["IPython"].version_info = (9,)
sys.modules["IPython"].get_ipython = show_nothing
for name in ("display", "Markdown", "HTML", "SVG"):
    setattr(sys.modules["IPython.display"], name, show_nothing)
