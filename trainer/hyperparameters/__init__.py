"""Search over the settings of a run: `space` says what can be searched, `study` asks optuna, `search` is the command.

The trials themselves are the one record of a search: the study is made anew from them whenever something is decided, so that a
search whose process or machine was killed goes on where it stood.
"""
