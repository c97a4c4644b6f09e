"""Texts written token by token, without torch: prompts, a Llama with a key-value cache, drawing of tokens, figures."""
