"""Files as the rows of a dataset version, one step a module, in this order:

    intake             what was sent: plain files, archives (`uploads`, `archives`, `unpacking`), pictures and sounds
                       (`media_archives`, `annotations`, `media`; `folder_levels`, `sidecars`, `media_tables` say what
                       they are, `media_conversion` and `media_video` read what phones write), documents and lines
                       (`documents`, `line_files`), MNIST's files (`idx`), the hub's (`hub`)
    tables/            one reader a format: batches of text cells
    gathering          the rows of all files as one `dataset`
    columns            their kinds, the task, what each column is for; `row_keys`: copies and classes as numbers
    splitting          train, validation and test, or folds
    profiling          what each column holds, with figures (`column_statistics`)
    checks             problems of rows, columns and answers (`row_checks`, `column_checks`, `answer_checks`)
    health             the closer look: `near_copies`, `leakage`, `mislabels`, `mislabelled_lists`, `languages`
    privacy            personal data, by the rules of `personal`
    version            the folder that is written, and read again

`inspect` is the command that goes through them, `editing` changes rows (`fixes`), `loading` gives them to a training.
"""
