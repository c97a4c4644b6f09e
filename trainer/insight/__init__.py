"""What a run's data and model look like from above: a map of the rows with the typical and the odd ones and what each test row lies
nearest to (`maps`), a small tree that imitates a model of a table (`imitation`), and what each column does to it (`dependence`)."""
