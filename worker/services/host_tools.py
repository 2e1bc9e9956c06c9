"""What hosts are made with, of what the worker has."""

from ..tools import Tools
from .calls import HostTools


def host_tools(tools: Tools) -> HostTools:
    """Return what the hosts of a worker are made with."""
    config = tools.config
    return HostTools(
        worker=config.name,
        folder=tools.folder,
        snapshots=tools.snapshots,
        executors=tools.executors,
        room=tools.room,
        lag_s=config.host_lag_s,
        mem_mib=config.host_mem_mib,
        idle_s=config.host_idle_s,
    )
