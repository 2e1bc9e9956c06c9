"""How long a task waits for its environment: there already, or to be built."""

import os
import subprocess
import time
from pathlib import Path
from typing import Final

import anyio.to_thread

from rq_agent.broker.definition import EnvironmentSpec
from rq_agent.worker.environment.cache import Environments

from . import bare
from .figure import Effort, Figure, Say, p50_p99, ratios
from .packages import Packages
from .stage import stage

_LOOKUPS: Final = 100
_TIMEOUT_S: Final = 120.0


async def measure(effort: Effort, say: Say) -> list[Figure]:
    """Return times of lookups and of builds, beside those of uv alone."""
    async with stage("no AOF") as where:
        folder = where.home.data.parent
        packages = Packages(folder / "packages")
        spec = EnvironmentSpec(requirements=packages.names, index_options=packages.options)
        ours, plain, warm = [], [], []
        for number in range(effort.builds):
            say(f"environment: build {number + 1}")
            caches = folder / f"ours{number}", folder / f"plain{number}"
            plain.append(await anyio.to_thread.run_sync(_bare_ms, caches[1], packages))
            environments = Environments(caches[0], max_bytes=2**40)
            ours.append(await _use_ms(environments, spec))
            warm.append([await _use_ms(environments, spec) for _ in range(_LOOKUPS)])
    return _figures(packages, ours, plain, warm)


async def _use_ms(environments: Environments, spec: EnvironmentSpec) -> float:
    started_s = time.perf_counter()
    async with environments.use(spec):
        return (time.perf_counter() - started_s) * 1e3


def _bare_ms(folder: Path, packages: Packages) -> float:
    """Do with uv what a person does, compiling as we do; with a cache as empty as ours."""
    folder.mkdir()
    variables = {**os.environ, "UV_CACHE_DIR": str(folder / "uv")}
    lines = folder / "requirements.txt"
    lines.write_text("\n".join((*packages.options, *packages.names)), "utf-8")
    started_s = time.perf_counter()
    made = bare.venv(folder / "venv", variables)
    install = ("pip", "install", "--quiet", "--compile-bytecode", "--python", made.python)
    subprocess.run(
        [bare.uv_program(), *install, "-r", str(lines)],
        env=variables,
        check=True,
        timeout=_TIMEOUT_S,
    )
    return (time.perf_counter() - started_s) * 1e3


def _figures(
    packages: Packages, ours: list[float], plain: list[float], warm: list[list[float]]
) -> list[Figure]:
    what = f"{len(packages.names)} local wheels with {packages.modules} modules, compiled"
    points = [p50_p99(each) for each in warm]
    built = Figure(
        id="environment.cold", title="cold build", unit="ms", values=tuple(ours), note=what
    )
    bare_figure = Figure(
        id="environment.bare",
        title="bare uv venv, uv pip install --compile-bytecode",
        unit="ms",
        values=tuple(plain),
        note=what,
    )
    return [
        *(
            Figure(
                id=f"environment.warm.{name}",
                title=f"warm lookup, {name}",
                unit="ms",
                values=tuple(point[place] for point in points),
            )
            for place, name in enumerate(("p50", "p99"))
        ),
        built,
        bare_figure,
        ratios(built, bare_figure, title="cold build / bare uv"),
    ]
