"""Reading a founder's file: rows, kinds of columns, faults, and the split."""
