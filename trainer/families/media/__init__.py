"""What pictures and sounds have in common: files that are decoded once."""
