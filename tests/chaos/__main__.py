"""The table of `make chaos`: the last figures of every scenario that ran. `--fresh` forgets them."""

import json
import sys

from rich.console import Console
from rich.table import Table

from .figures import FILE


def main() -> None:
    """Print the table, or begin a new one."""
    if "--fresh" in sys.argv[1:]:
        FILE.unlink(missing_ok=True)
        return
    lines = [json.loads(line) for line in FILE.read_text().splitlines()] if FILE.exists() else []
    last = {line["scenario"]: line for line in lines}
    table = Table("scenario", "form", "figures", title="chaos")
    for scenario, line in last.items():
        words = "  ".join(f"{name}={value}" for name, value in line["figures"].items())
        table.add_row(scenario, "long" if line["long"] else "short", words)
    Console().print(table)


if __name__ == "__main__":
    main()
