"""Readers of tables, one a file format. `table` and `lines` are the ground that all stand on, `opening` is the door."""
