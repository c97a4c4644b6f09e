"""The loops: a run from its specification to its artifact, whatever its inputs and answers are."""
