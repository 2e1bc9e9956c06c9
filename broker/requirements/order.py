"""Which source of requirements counts: the first of these that exists."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final


class Source(StrEnum):
    """Where requirements can be stated; the value is what people are shown."""

    FLAGS = "flags"
    HEADER = "script header"
    UV_LOCK = "uv.lock"
    POETRY_LOCK = "poetry.lock"
    PYPROJECT = "pyproject.toml"
    REQUIREMENTS_TXT = "requirements.txt"
    CONDA = "environment.yml"
    IMPORTS = "imports"
    NONE = "none"


ORDER: Final = (
    Source.FLAGS,
    Source.HEADER,
    Source.UV_LOCK,
    Source.POETRY_LOCK,
    Source.PYPROJECT,
    Source.REQUIREMENTS_TXT,
    Source.CONDA,
)


def choose(is_present: Callable[[Source], bool]) -> Source:
    """Return the source that counts; nothing after it is looked at, broken or not."""
    for source in ORDER:
        # poetry.lock can't be read yet: the dependencies that it was made from will do.
        if source is Source.POETRY_LOCK and is_present(Source.PYPROJECT):
            continue
        if is_present(source):
            return source
    return Source.IMPORTS
