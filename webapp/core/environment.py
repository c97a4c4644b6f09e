"""Settings as the environment gives them, and a sentence for a value that cannot be one."""

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

KINDS = {int: "a whole number", float: "a number", bool: "true or false"}


class Environment(environ.Env):  # type: ignore[misc]  # django-environ has no types
    def get_value(
        self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, parse_default: bool = False
    ) -> Any:
        """As always; `ImproperlyConfigured` in words where django-environ would end in the traceback of a cast."""
        try:
            return super().get_value(var, cast, default, parse_default)
        except ValueError as error:
            given = self.ENVIRON.get(var, "")
            raise ImproperlyConfigured(
                f"{var}={given[:60]} is not {KINDS.get(cast, 'a value that can be read')}. Correct it in the environment or in "
                ".env, or leave it out; docs/settings.md has them all."
            ) from error
