"""The training library: reads data, fine-tunes, evaluates and packages a model. Knows nothing of the website."""

import os

__version__ = "0.1.0"

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
"""Read when torch and LightGBM are loaded: threads that wait for each other sleep. By default they spin, and then beside
any other work on the same cores training is several times slower (docs/benchmarks.md)."""
