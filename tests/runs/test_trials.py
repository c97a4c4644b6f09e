"""Trials that measure what a run takes wait for each other, and nothing else waits for them."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.site import Site, rows_of

pytestmark = pytest.mark.slow


def test_a_file_is_read_while_many_trials_wait(site: Site) -> None:
    body = {"dataset": site.upload(rows_of(300)), "model": "local:tiny", "method": "full"}

    def ask(epochs: int) -> int:
        while True:
            answer = site.api("POST", "/estimates", json=body | {"params": {"epochs": epochs}})
            if answer.status_code != 202:
                return answer.status_code
            time.sleep(float(answer.headers["Retry-After"]) / 5)

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask, epochs) for epochs in range(1, 5)]
        time.sleep(1)
        started = time.monotonic()
        site.upload(rows_of(120), "other.csv")
        read = time.monotonic() - started
        measured = [one.result() for one in asked]
        whole = time.monotonic() - started
    assert measured == [200] * 4
    assert read < whole / 2
