"""Answers that are passages of a text: read, cut into windows, chosen, scored. Without torch."""
