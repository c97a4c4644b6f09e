"""Readers of tables, one a file format. `formats` recognises a file and opens it; `table` is what every reader gives,
`streams` what the readers of text stand on."""
