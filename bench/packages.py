"""Packages made on the spot: building environments then needs no network, which is not ours."""

import zipfile
from pathlib import Path
from typing import Final

_COUNT: Final = 5
_MODULES: Final = 40
_FUNCTIONS: Final = 20
_METADATA: Final = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
_WHEEL: Final = "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


class Packages:
    """A folder of wheels, and how to tell uv to look only there."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.names = tuple(_wheel(folder, f"benchpackage{n}") for n in range(_COUNT))
        self.options = ("--no-index", f"--find-links {folder}")

    @property
    def modules(self) -> int:
        """Return how many modules all of them hold."""
        return _COUNT * _MODULES


def _wheel(folder: Path, name: str) -> str:
    about = f"{name}-1.0.dist-info"
    contents = {f"{name}/m{n}.py": _module(n) for n in range(_MODULES)}
    contents |= {
        f"{name}/__init__.py": "",
        f"{about}/METADATA": _METADATA.format(name=name),
        f"{about}/WHEEL": _WHEEL,
    }
    record = f"{about}/RECORD"
    lines = "".join(f"{file},,\n" for file in (*contents, record))
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for file, text in {**contents, record: lines}.items():
            archive.writestr(file, text)
    return name


def _module(number: int) -> str:
    return "".join(
        f"def f{n}(x, y={number}):\n    total = [x * i + y for i in range({n})]\n"
        f"    return {{'sum': sum(total), 'n': {n}, 'text': f'{{x}} {{y}}'}}\n\n"
        for n in range(_FUNCTIONS)
    )
