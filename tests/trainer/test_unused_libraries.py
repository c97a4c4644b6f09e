"""What is left out of each process of the trainer, and that it is there once it is asked for. Each in a process of its own."""

import subprocess
import sys

LEFT_OUT = "import sys; from trainer.unused_libraries import leave_out; leave_out()\n"
IS_LOADED = "print('scipy.stats._stats_py' in sys.modules, 'pandas' in sys.modules)\n"


def printed(script: str) -> list[str]:
    command = [sys.executable, "-c", LEFT_OUT + script]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()


def test_reading_and_learning_load_neither_statistics_nor_pandas() -> None:
    """The libraries of both, as they are imported."""
    script = "import pyarrow as pa; pa.array(['a'])\nimport sklearn.feature_extraction.text, sklearn.linear_model, lightgbm\n"
    assert printed(script + IS_LOADED) == ["False", "False"]


def test_statistics_are_there_once_they_are_used() -> None:
    script = "from scipy.stats import rankdata, norm\nimport scipy.stats as stats\n" + IS_LOADED
    script += "class Own(stats.rv_continuous): pass\n"
    script += "print(isinstance(1, stats.rv_continuous), *rankdata([3, 1, 2]), norm.cdf(0), Own().cdf is not None)\n"
    assert printed(script) == ["False", "False", "False", "3.0", "1.0", "2.0", "0.5", "True"]


def test_a_part_of_them_is_loaded_once() -> None:
    script = "from scipy.stats.mstats import gmean\nimport scipy.stats as stats\n"
    script += (
        "print(gmean is stats.mstats.gmean, stats.mstats is sys.modules['scipy.stats.mstats'], float(gmean([1, 4])))\n"
    )
    assert printed(script) == ["True", "True", "2.0"]


def test_pandas_is_as_if_it_were_not_installed() -> None:
    script = "try:\n    import pandas\nexcept ModuleNotFoundError as error:\n    print(error.name)\n"
    assert printed(script) == ["pandas"]


LEARNS = """
import torch
layer = torch.nn.Linear(3, 2)
optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1)
layer(torch.ones(1, 3)).sum().backward()
optimizer.step()
optimizer.zero_grad()
"""


def test_learning_loads_no_compiler() -> None:
    """Nor does transformers."""
    assert printed(
        LEARNS + "import transformers.models.bert.modeling_bert\nprint('torch._dynamo.symbolic_convert' in sys.modules)"
    ) == ["False"]


def test_what_needs_the_compiler_has_it() -> None:
    script = LEARNS + "program = torch.export.export(layer, (torch.ones(1, 3),))\n"
    script += "compiled = torch.compile(layer, backend='eager')\n"
    script += "print(torch.equal(program.module()(torch.ones(1, 3)), compiled(torch.ones(1, 3))))\n"
    script += "print('torch._dynamo.symbolic_convert' in sys.modules)"
    assert printed(script) == ["True", "True"]
