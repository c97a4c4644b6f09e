"""From a trained model to its artifact: weights, report, model card, manifest, and the graphs that serving runs."""
