"""What an interpreter is, told by itself.

Runs in two ways: imported by the worker about its own interpreter, and as a program under any
other one (`python -I probe.py` prints JSON). So: standard library only, and old syntax.
"""

import glob
import importlib.util
import json
import os
import platform
import sys
import sysconfig


def facts() -> "dict[str, str]":
    """Return what decides whether an environment made for one interpreter fits another."""
    return {
        "executable": getattr(sys, "_base_executable", "") or sys.executable,
        "version": platform.python_version(),
        "implementation": sys.implementation.name,
        "platform": sysconfig.get_platform(),
        "abi": str(sysconfig.get_config_var("EXT_SUFFIX")),
        "libc": _libc(),
        "site_packages": _site_packages(),
        "pip_wheel": _pip_wheel(),
    }


def _libc() -> str:
    """Return the C library of this machine, like `glibc 2.36`; empty where it has no such name."""
    if "CS_GNU_LIBC_VERSION" not in getattr(os, "confstr_names", {}):
        return ""
    return os.confstr("CS_GNU_LIBC_VERSION") or ""


def _site_packages() -> str:
    """Return where a virtual environment keeps its packages, relative to itself."""
    names = sysconfig.get_scheme_names()
    scheme = "venv" if "venv" in names else "posix_prefix"
    root = {"base": "/", "platbase": "/", "installed_base": "/", "installed_platbase": "/"}
    return os.path.relpath(sysconfig.get_path("purelib", scheme, root), "/")


def _pip_wheel() -> str:
    """Return the path of the pip that came with this Python; empty if there is none."""
    folders = [sysconfig.get_config_var("WHEEL_PKG_DIR"), "/usr/share/python-wheels"]
    ensurepip = importlib.util.find_spec("ensurepip")
    if ensurepip is not None and ensurepip.origin is not None:
        folders.insert(0, os.path.join(os.path.dirname(ensurepip.origin), "_bundled"))
    for folder in filter(None, folders):
        wheels = sorted(glob.glob(os.path.join(folder, "pip-*.whl")))
        if wheels:
            return wheels[-1]
    return ""


if __name__ == "__main__":
    json.dump(facts(), sys.stdout)
