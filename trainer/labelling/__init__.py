"""What is asked while rows are labelled: the command `suggest`. A linear model over vectors that are read once is fitted again
after a few labels; it suggests labels, says which rows are asked about next, and how good it is already."""
