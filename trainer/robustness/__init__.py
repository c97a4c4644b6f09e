"""How far answers fall where inputs are worse than those of the test, and learning with such inputs.

`changes` has the kinds of changes with their five strengths, by kind of input; `card` measures a packaged model under them.
"""
