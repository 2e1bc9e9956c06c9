"""`rq-agent config`: show, path."""

from ..options import Common


def config_show(common: Common) -> None:
    """Show the settings that commands work with here, and what says so. No password is shown."""
    from .. import config, config_showing
    from ..render.screen import Screen

    settings = config.load(common)
    config_showing.show(settings, Screen(settings), common, config.variables())


def config_path(common: Common) -> None:
    """Print where config.toml is read from; it need not exist."""
    from .. import config, config_showing
    from ..render.screen import Screen

    settings = config.without_server(common)
    config_showing.show_path(settings, Screen(settings))
