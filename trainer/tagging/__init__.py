"""Passages of texts: how tags name them, which units a model labels, how its scores become passages. Without torch."""
