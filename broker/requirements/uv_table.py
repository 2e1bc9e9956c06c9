"""`[tool.uv]` of a header or pyproject.toml: where single requirements and indexes lie."""

from collections.abc import Sequence
from typing import Any

import msgspec

from ..errors import UsageError
from .lines import is_ourselves, normal_name, refuse_credentials, requirement
from .tables import shaped, table
from .wanted import Wanted


class _Index(msgspec.Struct, frozen=True):
    url: str
    default: bool = False


class _Settings(msgspec.Struct, frozen=True, rename="kebab"):
    index: list[_Index] = []
    index_url: str = ""
    extra_index_url: list[str] = []


def with_sources(texts: Sequence[str], tables: dict[str, Any], where: str) -> Wanted:
    """Return requirements with their sources written out, and the indexes named."""
    sources = {
        normal_name(name): source for name, source in table(tables, "tool", "uv", "sources").items()
    }
    lines = []
    for text in texts:
        parsed = requirement(text, where)
        if is_ourselves(parsed):
            continue
        source = sources.get(normal_name(parsed.name))
        if source is not None and parsed.url is None:
            parsed.url = _url(source, parsed.name, where) or None
            if parsed.url is not None:
                parsed.specifier = type(parsed.specifier)("")
        lines.append(str(parsed))
    return Wanted(requirements=tuple(lines), index_options=tuple(index_options(tables, where)))


def index_options(tables: dict[str, Any], where: str) -> list[str]:
    """Return the indexes that a project names, as options of a requirements file."""
    uv = shaped(table(tables, "tool", "uv"), _Settings, f"{where}: tool.uv")
    options = [("--index-url", uv.index_url)] if uv.index_url else []
    options += [("--extra-index-url", url) for url in uv.extra_index_url]
    options += [("--index-url" if i.default else "--extra-index-url", i.url) for i in uv.index]
    for _, url in options:
        refuse_credentials(url, where)
    return [f"{option} {url}" for option, url in options]


def _url(source: Any, name: str, where: str) -> str:
    """Return the URL that a source stands for; empty if it only picks an index."""
    if not isinstance(source, dict):
        raise UsageError(
            f"{where}: tool.uv.sources has several places for {name}, which can't be told apart "
            "here; run `uv lock`, so that uv.lock says which one"
        )
    if "git" in source:
        at = next((source[key] for key in ("rev", "tag", "branch") if key in source), "")
        below = f"#subdirectory={source['subdirectory']}" if "subdirectory" in source else ""
        return f"git+{source['git']}{'@' if at else ''}{at}{below}"
    if "url" in source:
        return str(source["url"])
    if "path" in source or "workspace" in source:
        raise UsageError(
            f"{where}: {name} comes from a local path, which a worker can't install; "
            "run `uv lock` in the project, so that its folder goes on the import path"
        )
    return ""
