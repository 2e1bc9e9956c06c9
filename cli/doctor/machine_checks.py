"""Looks at this machine: each function answers one question, and may take its time or fail."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from ...broker.embedded import filesystem
from ..config import Settings
from . import machine_rules as rules
from .finding import Finding, fail, ok

_PROGRAM_S: Final = 3.5
_LINGER: Final = Path("/var/lib/systemd/linger")
_LOGIND: Final = Path("/etc/systemd/logind.conf")


def python() -> Finding:
    """Which Python runs us."""
    import platform
    import sys

    from ... import __version__

    return ok("python", f"{platform.python_version()} ({sys.executable}), rq-agent {__version__}")


def git() -> Finding:
    """Is there a git that is new enough."""
    program = shutil.which("git")
    return rules.git(None if program is None else _numbers(_said(program)))


def uv() -> Finding:
    """Does the uv that builds environments run."""
    from uv import find_uv_bin

    try:
        program = os.fsdecode(find_uv_bin())
        return ok("uv", " ".join((_said(program)).split()[:2]))
    except OSError as e:  # FileNotFoundError too
        return fail(
            "uv", f"does not run: {e}", "install it again: pip install --force-reinstall uv"
        )


def gpu() -> Finding:
    """Does the NVIDIA driver answer, and with how many GPUs."""
    import pynvml

    try:
        pynvml.nvmlInit()
        try:
            driver = pynvml.nvmlSystemGetDriverVersion()
            return rules.gpus(int(pynvml.nvmlDeviceGetCount()), driver, "")
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError_LibraryNotFound:
        is_loaded = Path("/proc/driver/nvidia/version").exists()
        return rules.gpus(None, "", "its library is not installed" if is_loaded else "")
    except pynvml.NVMLError as e:
        return rules.gpus(None, "", str(e))


async def docker() -> Finding:
    """Does a docker daemon answer this user."""
    import aiodocker
    import aiohttp

    try:
        client = aiodocker.Docker()
    except AssertionError:  # so it says that nothing tells where a daemon is
        return rules.docker("", "", is_refused=False)
    except (aiodocker.DockerError, ValueError) as e:
        return rules.docker("", str(e), is_refused=False)
    try:
        said = await client.version()
    except (aiodocker.DockerError, aiohttp.ClientError, OSError) as e:
        return rules.docker("", str(e), is_refused=_is_refused(e))
    finally:
        await client.close()
    return rules.docker(str(said.get("Version", "unknown version")), "", is_refused=False)


def disk(name: str, folder: Path) -> Finding:
    """How much is free where a folder is or will be."""
    found = os.statvfs(_existing(folder))
    free_bytes = found.f_bavail * found.f_frsize
    return rules.disk(name, folder, free_bytes, found.f_favail, found.f_files)


def home(settings: Settings) -> Finding:
    """On what kind of file system the home lies."""
    kind = filesystem.kind_here(_existing(settings.home.data))
    return rules.file_system(
        kind, is_shared=filesystem.is_shared(kind), is_embedded=not settings.url
    )


def sockets(settings: Settings) -> Finding:
    """Where sockets go, and whether their paths are short enough."""
    temporary = Path(tempfile.gettempdir()) / f"rq-agent-{os.geteuid()}"
    return rules.sockets(settings.home.data, temporary)


def logout() -> Finding:
    """Does what is started here outlive a logout."""
    from ..identity import user_name

    text = _LOGIND.read_text("utf-8", "replace") if _LOGIND.is_file() else ""
    return rules.lingering(
        has_systemd=Path("/run/systemd/system").is_dir(),
        is_root=os.geteuid() == 0,
        lingers=(_LINGER / user_name()).exists(),
        kills=re.search(
            r"^\s*KillUserProcesses\s*=\s*(yes|true|1|on)\b", text, re.MULTILINE | re.IGNORECASE
        )
        is not None,
    )


def _said(program: str) -> str:
    try:
        done = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROGRAM_S,
            check=False,
        )
    except subprocess.TimeoutExpired as e:
        raise TimeoutError from e
    return done.stdout.decode("utf-8", "replace").strip()


def _numbers(text: str) -> tuple[int, ...]:
    found = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(map(int, found[0].split("."))) if found else ()


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _is_refused(error: BaseException) -> bool:
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, PermissionError):
            return True
        chain = chain.__cause__ or chain.__context__
    return False
