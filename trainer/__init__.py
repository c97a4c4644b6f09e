"""The training library: reads data, fine-tunes, evaluates and packages a model. Knows nothing of the website."""

__version__ = "0.1.0"
