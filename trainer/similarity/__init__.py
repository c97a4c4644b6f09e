"""How alike texts are, and search among them: what training and serving share. Needs numpy alone."""
