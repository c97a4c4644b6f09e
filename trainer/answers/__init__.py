"""Kinds of answers: what a metric means, and how answers of a kind are scored."""
