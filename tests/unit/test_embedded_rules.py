"""The pure parts of the embedded server."""

from pathlib import Path

import pytest

from rq_agent.broker.embedded import filesystem, users, versions
from rq_agent.broker.embedded.endpoint import Endpoint
from rq_agent.broker.embedded.filesystem import Mount, kind_of, parse_mountinfo
from rq_agent.broker.embedded.layout import Layout
from rq_agent.broker.embedded.settings import config_text, default_max_memory_bytes
from rq_agent.broker.embedded.versions import ServerVersion, can_read, from_banner, is_newer

MOUNTINFO = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:35 / /home rw,relatime shared:20 - autofs systemd-1 rw,fd=29
41 40 0:50 / /home rw,relatime shared:21 - nfs4 server:/home rw,vers=4.2
42 22 0:51 / /mnt/my\\040disk rw,relatime - fuse.sshfs lab:/data rw
43 22 0:52 / /home/ann/local rw,relatime - xfs /dev/vdb rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib", "ext4"),
        ("/home/ann/.local", "nfs4"),
        ("/home/ann/local/x", "xfs"),
        ("/homeless", "ext4"),
        ("/mnt/my disk/x", "fuse.sshfs"),
    ],
)
def test_the_mount_with_the_longest_path_tells_the_kind(folder: str, kind: str) -> None:
    assert kind_of(Path(folder), parse_mountinfo(MOUNTINFO)) == kind


def test_an_unknown_place_has_no_kind() -> None:
    assert kind_of(Path("/x"), [Mount("/y", "ext4")]) == ""
    assert kind_of(Path("/x"), []) == ""


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "lustre", "ceph"])
def test_network_file_systems_are_shared(kind: str) -> None:
    assert filesystem.is_shared(kind)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "apfs", "9p", ""])
def test_local_file_systems_are_not_shared(kind: str) -> None:
    assert not filesystem.is_shared(kind)


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        ("Valkey server v=9.1.2 sha=00000000:1 bits=64", ServerVersion("valkey", "9.1.2")),
        ("Redis server v=7.0.15 sha=00000000:0", ServerVersion("redis", "7.0.15")),
        ("dnsmasq 2.90", None),
    ],
)
def test_a_program_tells_its_version(banner: str, version: ServerVersion | None) -> None:
    assert from_banner(banner) == version


@pytest.mark.parametrize(
    ("server", "writer", "expected"),
    [
        ("valkey 9.1.2", "valkey 9.1.2", True),
        ("valkey 9.1.2", "valkey 9.1.9", True),
        ("valkey 9.1.2", "valkey 9.2.0", False),
        ("valkey 9.1.2", "valkey 8.0.1", True),
        ("valkey 10.0.0", "valkey 9.9.9", True),
        ("valkey 9.1.2", "redis 7.0.15", True),
        ("valkey 9.1.2", "redis 7.4.0", False),
        ("redis 7.0.15", "valkey 7.2.5", False),
        ("redis 7.0.15", "redis 6.2.0", True),
        ("redis 6.2.0", "redis 7.0.15", False),
    ],
)
def test_files_are_read_by_the_same_or_a_later_server(
    server: str, writer: str, expected: bool
) -> None:
    assert can_read(named(server), named(writer)) is expected


def test_only_a_later_version_of_the_same_product_is_newer() -> None:
    assert is_newer(named("valkey 9.1.10"), named("valkey 9.1.9"))
    assert not is_newer(named("valkey 9.1.2"), named("valkey 9.1.2"))
    assert not is_newer(named("valkey 9.1.2"), named("redis 7.0.15"))


def test_servers_older_than_our_commands_are_of_no_use() -> None:
    assert versions.is_new_enough(named("redis 6.2.0"))
    assert not versions.is_new_enough(named("redis 6.0.16"))


def test_the_configuration_quotes_paths_and_evicts_nothing() -> None:
    text = config_text(Layout(Path('/h/a "b" c')), Path("/run/s"), max_memory_bytes=7)

    lines = text.splitlines()
    assert 'dir "/h/a \\"b\\" c"' in lines
    assert {"port 0", "appendonly yes", "maxmemory 7", "maxmemory-policy noeviction"} <= set(lines)


def test_what_a_client_leaves_unread_is_limited_and_no_client_is_evicted() -> None:
    text = config_text(Layout(Path("/h")), Path("/run/s"), max_memory_bytes=100)

    assert "client-output-buffer-limit normal 671088640 134217728 300\n" in text
    assert "maxmemory-clients" not in text


def test_the_memory_limit_leaves_room_for_tasks() -> None:
    assert default_max_memory_bytes() >= 256 * 1024 * 1024


def named(text: str) -> ServerVersion:
    return ServerVersion(*text.split(" "))


def test_own_users_are_replaced_and_others_kept() -> None:
    before = (
        b"user default on nopass ~* +@all\nuser localhost on #1\n\n user  local on #2 ~* +@all\n"
        b"nonsense \xff\nuser default-2 off\nuser local"
    )

    default, local, *others = users.with_own_users(before, "x").splitlines()

    assert default == b"user default off resetpass resetkeys resetchannels -@all"
    assert local.startswith(b"user local on resetpass #2d711642b726b044")
    assert local.endswith(b" resetkeys resetchannels -@all ~* &* +@all")
    assert others == [b"user localhost on #1", b"nonsense \xff", b"user default-2 off"]


def test_an_endpoint_shows_no_password() -> None:
    server = Endpoint(Path("/run/s"), "local", "hunter2")

    assert repr(server) == "Endpoint(unix://local:***@/run/s)"
    assert server.url == "unix://local:hunter2@/run/s"
