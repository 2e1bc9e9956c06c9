"""`rq-agent web`."""

from typing import Annotated

import typer

from ..options import Common


def web(
    common: Common,
    host: Annotated[
        str,
        typer.Option("--host", metavar="ADDRESS", help="Loopback address to listen on."),
    ] = "127.0.0.1",
    port: Annotated[
        str,
        typer.Option(
            "--port",
            metavar="PORT",
            help="Port to listen on, 0: any; else 7342, or the next that is free.",
            show_default=False,
        ),
    ] = "",
    opens: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    link: Annotated[
        bool,
        typer.Option("--link", help="Print a new login link for the dashboard that runs."),
    ] = False,
) -> None:
    """Serve the dashboard in the browser: workers, queues, tasks and their logs.

    It only shows; it changes nothing. It listens on this machine alone; from another one use a
    tunnel: ssh -L 7342:127.0.0.1:7342 MACHINE. SIGTERM or Ctrl-C stops it.
    """
    from ...broker.errors import UsageError
    from .. import config, serving, values
    from ..render.screen import Screen

    number = values.whole(port, "--port", least=0, most=65_535) if port else None
    settings = config.load(common)
    if link:
        if opens:
            raise UsageError("--link only prints a link: leave --open out")
        serving.print_link(settings, Screen(settings), port=number)
    else:
        serving.run(settings, Screen(settings), host=host, port=number, opens=opens)
