"""An S3 server on this machine (moto), which knows the keys that may read a bucket."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

BUCKET = "answers"


@contextmanager
def object_storage() -> Iterator[tuple[str, Any]]:
    """(its address, a client of Amazon's that writes objects into `BUCKET`)."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "AK", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=address, **keys)
    client.create_bucket(Bucket=BUCKET)
    try:
        yield address, client
    finally:
        client.close()
        server.stop()
