"""The server of hosted models: ASGI over ONNX Runtime and Redis. Never Django, never torch."""
