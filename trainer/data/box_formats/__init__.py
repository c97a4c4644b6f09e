"""Boxes as labelling tools write them: a module a family of formats, all of them listed in `registry`."""
