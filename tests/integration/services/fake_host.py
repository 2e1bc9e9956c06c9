"""A host that says what its calls want it to say, however wrong: `fake_host.py FOLDER KIND`.

Each argument of a call is a line to report. KEY in it is replaced by the key of the call. Some
words do something instead.
"""

import json
import os
import socket
import sys
import time
from typing import Any


def main() -> None:
    folder = sys.argv[1]
    os.chdir(folder)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind("socket")
    listener.listen()
    with open("reports.1", "ab", buffering=0) as reports:
        reports.write(b'["ready", 1, "3.12.1", "fake"]\n')
        while True:
            connection, _ = listener.accept()
            for line in connection.makefile("rb"):
                obey(json.loads(line), reports, connection)


def obey(command: list[Any], reports: Any, connection: socket.socket) -> None:
    name, *rest = command
    if name == "end":
        os._exit(0)
    if name == "hello":
        reports.write(b'["state", []]\n')
    elif name == "start":
        for key, _, (words, _), *_ in rest[0]:
            for word in words:
                do(word, key, reports, connection)
    connection.send(b"!")


def do(word: str, key: str, reports: Any, connection: socket.socket) -> None:
    if word == "HUGE":
        with open("huge", "wb") as file:
            file.truncate(100 << 20)
        os.replace("huge", "reports.2")
    elif word == "EXIT":
        os._exit(7)
    elif word == "KILL":
        os.kill(os.getpid(), 9)
    elif word == "CLOSE":
        connection.shutdown(socket.SHUT_RDWR)
    elif word == "SILENT":
        time.sleep(600)
    else:
        reports.write(word.replace("KEY", key).encode() + b"\n")


main()
