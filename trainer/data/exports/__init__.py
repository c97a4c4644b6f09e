"""Exports of labelling tools and of other programs, recognised by their form: a module a family, all listed in `registry`."""
