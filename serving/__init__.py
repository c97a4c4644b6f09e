"""The server of hosted models: ASGI, batches, one pool of models. Knows the trainer's engine and Redis; never Django."""
