"""Which requests a browser may send on behalf of which page. Pure.

No token in forms: browsers say themselves where a request comes from (`Sec-Fetch-Site`), and
scripts of a page can't change that.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

_SAFE: Final = frozenset({"GET", "HEAD"})


def refusal(method: str, headers: Mapping[str, str], *, is_api: bool) -> str:
    """Return why a request is refused; empty if it is not.

    Args:
        method: of the request.
        headers: by lower-case names.
        is_api: pages may be opened by a link from anywhere, they hold nothing by themselves.
    """
    site = headers.get("sec-fetch-site", "")
    if method not in _SAFE:
        return "" if _is_same_origin(site, headers) else "only pages of this dashboard may do that"
    if is_api and site not in ("", "same-origin", "none"):
        return "pages of other sites may not read this"
    return ""


def _is_same_origin(site: str, headers: Mapping[str, str]) -> bool:
    """Return whether a page of ours sent it; browsers before 2023 say only `Origin`."""
    if site:
        return site == "same-origin"
    netloc = urlsplit(headers.get("origin", "")).netloc
    return bool(netloc) and netloc == headers.get("host", "")
