"""Where other machines come in, and how they call this one."""

import ipaddress
import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from ...broker.embedded.listening import close_all, listen
from ...broker.errors import UsageError
from ...broker.home import Home
from ...broker.url_members import host_and_port

DEFAULT_PORT: Final = 7341
_OF_CONTAINERS: Final = re.compile(r"(docker|br-|veth|virbr|cni|flannel|podman|lxc|lxd)")
_EVERY: Final = ("0.0.0.0", "::")


class Endpoint(NamedTuple):
    """An address of this machine, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return host_and_port(self.host, self.port)


def parse(text: str, option: str = "--listen", *, port: int = DEFAULT_PORT) -> Endpoint:
    """Return what `10.0.0.1`, `10.0.0.1:7341`, `[fd00::1]:7341`, `fd00::1` or `name:7341` means.

    Args:
        text: what a person wrote.
        option: where they wrote it.
        port: where they name none.

    Raises:
        UsageError: it means nothing.
    """
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.%\w]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?", text)
    if found is None and (bare := _ipv6(text)):
        return Endpoint(bare, port)
    if found is None or not 1 <= int(found[2] or port) <= 65_535:
        raise UsageError(
            f"{option} {text}: write an address or a name, and a port if you like: "
            f"10.0.0.1, 10.0.0.1:{DEFAULT_PORT} or [fd00::1]:{DEFAULT_PORT}"
        )
    return Endpoint(found[1].strip("[]"), int(found[2] or port))


def check_free(endpoint: Endpoint) -> None:
    """Make sure that we may listen there.

    Raises:
        UsageError: it is taken, or no address of this machine.
    """
    close_all(listen(endpoint.host, endpoint.port))


def certificate_folder(home: Home) -> Path:
    """Return where certificate and key lie that machines which joined know this one by."""
    return home.data / "tls"


def link_place(endpoint: Endpoint, host_name: str) -> tuple[Endpoint, Sequence[str]]:
    """Return where links lead, and by what else this machine could be reached.

    Args:
        endpoint: where it listens.
        host_name: NAME or NAME:PORT where others find it, as a person says; empty: choose.

    Raises:
        UsageError: host_name is no such place.
    """
    if host_name:
        return parse(host_name, "--host-name", port=endpoint.port), ()
    if endpoint.host not in _EVERY:
        return endpoint, ()
    found = reachable(_addresses(), is_v6_too=endpoint.host == "::")
    host, *others = found or [socket.gethostname()]
    return Endpoint(host, endpoint.port), others


def reachable(addresses: Mapping[str, Sequence[str]], *, is_v6_too: bool) -> list[str]:
    """Return the addresses that other machines may reach, the likeliest first. Pure.

    Args:
        addresses: of the network interfaces that are up, by their names.
        is_v6_too: IPv6 as well, after IPv4.
    """
    found = []
    for name, texts in addresses.items():
        if _OF_CONTAINERS.match(name):
            continue
        for text in texts:
            address = ipaddress.ip_address(text.partition("%")[0])
            if not (address.is_loopback or address.is_link_local or address.is_unspecified):
                found.append(address)
    versions = (4, 6) if is_v6_too else (4,)
    return [str(each) for version in versions for each in found if each.version == version]


def _addresses() -> Mapping[str, Sequence[str]]:
    import psutil

    states = psutil.net_if_stats()
    families = (socket.AF_INET, socket.AF_INET6)
    return {
        name: [each.address for each in addresses if each.family in families]
        for name, addresses in psutil.net_if_addrs().items()
        if name in states and states[name].isup
    }


def _ipv6(text: str) -> str:
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        return ""
