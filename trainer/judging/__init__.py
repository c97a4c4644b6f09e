"""A model that grades answers, asked by an address of OpenAI's form: first measured against thumbs of people, then used.

`questions` (what is asked, and its price; light), `journal` (what was asked already; light), `asking`, and `judge`, the command.
"""
