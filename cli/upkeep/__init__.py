"""Keeps what `rq-agent up` started running: a server, a worker, a scheduler, a way in."""
