"""Examples of every command, by its path: shown in its help and in the reference.

A test parses each one, so none can name an option that is gone.
"""

from collections.abc import Mapping, Sequence
from typing import Final

EXAMPLES: Final[Mapping[str, Sequence[str]]] = {
    "": (
        "rq-agent run train.py",
        "rq-agent submit -q high --gpus 1 --set lr=0.1 train.py",
        "rq-agent work --queues high,low --mode priority",
    ),
    "run": (
        "rq-agent run train.py",
        "rq-agent run --set epochs=3 train.py --verbose",
    ),
    "submit": (
        "rq-agent submit train.py",
        "rq-agent submit -q high --gpus 1 --set lr=0.1 train.py --data /data/set1",
        "rq-agent submit --at 2031-05-01T18:00 --retries 3 report.py",
        "rq-agent submit --after 01m7yz1jfg5fh2ae:ok evaluate.py",
    ),
    "rerun": (
        "rq-agent rerun last",
        "rq-agent rerun --set lr=0.05 train.py",
        "rq-agent rerun --failed --mine --since 1d --dry-run",
    ),
    "work": (
        "rq-agent work --queues high,low --mode priority",
        "rq-agent work --queues a,b --mode weighted:3,1 --slots 4",
        "rq-agent work --queues gpu --gpus 0,1 --idle-timeout 10m",
        "rq-agent work --label site=north --hours 'mon-fri 19:00-08:00, sat-sun 00:00-24:00'",
    ),
    "ps": (
        "rq-agent ps",
        "rq-agent ps --state failed --label team=vision",
        "rq-agent ps -a --json",
    ),
    "show": ("rq-agent show last", "rq-agent show 01m7yz1jf --json"),
    "logs": ("rq-agent logs -f last", "rq-agent logs --tail 100 --stream err train.py"),
    "wait": ("rq-agent wait last", "rq-agent wait --timeout 90s 01m7yz1jf 01m7yz1jw"),
    "why": ("rq-agent why last",),
    "cancel": (
        "rq-agent cancel last",
        "rq-agent cancel --queue low --state queued --label run=42 --dry-run",
    ),
    "move": (
        "rq-agent move last --top",
        "rq-agent move 01m7yz1jf --queue high",
        "rq-agent move --where queue=low --mine --priority high --dry-run",
    ),
    "edit": (
        "rq-agent edit last",
        "rq-agent edit --set lr=0.05 --priority high 01m7yz1jf",
        "rq-agent edit --where queue=low --mine --timeout 2h --dry-run",
    ),
    "clone": ("rq-agent clone --set lr=0.2 last",),
    "enqueue": ("rq-agent enqueue last", "rq-agent enqueue --to high 01m7yz1jf"),
    "dequeue": ("rq-agent dequeue last",),
    "reset": ("rq-agent reset last",),
    "label": ("rq-agent label last team=vision run-",),
    "archive add": ("rq-agent archive add --state succeeded --label run=42",),
    "archive ls": (
        "rq-agent archive ls",
        "rq-agent archive ls --state failed --label team=vision --json",
    ),
    "rm": ("rq-agent rm last", "rq-agent rm --failed --mine --dry-run"),
    "queue ls": ("rq-agent queue ls", "rq-agent queue ls --json"),
    "queue show": ("rq-agent queue show high",),
    "queue create": ("rq-agent queue create night --description 'cheap hours'",),
    "queue pause": ("rq-agent queue pause low night",),
    "queue resume": ("rq-agent queue resume low",),
    "queue limit": ("rq-agent queue limit low 4",),
    "queue weight": ("rq-agent queue weight low 2",),
    "queue ageing": ("rq-agent queue ageing low 1h",),
    "queue purge": ("rq-agent queue purge low --dry-run", "rq-agent queue purge low"),
    "queue rm": ("rq-agent queue rm low",),
    "worker ls": (
        "rq-agent worker ls",
        "rq-agent worker ls --state idle --label site=north --json",
    ),
    "worker show": ("rq-agent worker show box1",),
    "worker drain": (
        "rq-agent worker drain box1",
        "rq-agent worker drain --host gpu-box --dry-run",
    ),
    "worker undrain": ("rq-agent worker undrain box1",),
    "worker pause": ("rq-agent worker pause box1 box2",),
    "worker resume": ("rq-agent worker resume --all --yes",),
    "worker stop": ("rq-agent worker stop box1 box2",),
    "worker restart": ("rq-agent worker restart --all --yes",),
    "worker label": ("rq-agent worker label box1 site=north spot-",),
    "schedule ls": ("rq-agent schedule ls",),
    "schedule show": ("rq-agent schedule show nightly",),
    "schedule explain": ("rq-agent schedule explain --tz Europe/Berlin '0 3 * * mon-fri'",),
    "schedule add": (
        "rq-agent schedule add --tz Europe/Berlin nightly '0 3 * * mon-fri' report.py",
    ),
    "schedule pause": ("rq-agent schedule pause nightly",),
    "schedule resume": ("rq-agent schedule resume nightly",),
    "schedule run": ("rq-agent schedule run nightly",),
    "schedule rm": ("rq-agent schedule rm nightly",),
    "scheduler": ("rq-agent scheduler", "rq-agent scheduler --archive /data/archive"),
    "up": (
        "rq-agent up",
        "rq-agent up --queues gpu,default --slots 2",
        "rq-agent up --listen 10.0.0.1",
        "rq-agent up --foreground --no-web",
    ),
    "install": (
        "rq-agent install --user --worker --queues high,low",
        "rq-agent install --system --server --worker --run-as ada --now",
        "rq-agent install --user --worker --context lab --gpus 0,1 --dry-run",
    ),
    "uninstall": ("rq-agent uninstall --user", "rq-agent uninstall --system --worker"),
    "doctor": ("rq-agent doctor", "rq-agent doctor --context lab --json"),
    "context ls": ("rq-agent context ls", "rq-agent context ls --json"),
    "context show": ("rq-agent context show", "rq-agent context show lab"),
    "context use": ("rq-agent context use lab", "rq-agent context use local"),
    "context add": (
        "rq-agent context add lab rediss://redis.lab:6379/0 --namespace vision",
        "rq-agent context add lab - --use",
    ),
    "context rm": ("rq-agent context rm lab",),
    "config show": ("rq-agent config show", "rq-agent config show --json"),
    "config path": ("rq-agent config path",),
    "down": ("rq-agent down", "rq-agent down --force"),
    "join": (
        "rq-agent join 'rqa+tls://worker@10.0.0.1:7341/default?key=...#...'",
        "rq-agent join 'rqa+tls://worker@10.0.0.1:7341/default?key=...#...' --name lab --token-file token",
    ),
    "invite": (
        "rq-agent invite worker",
        "rq-agent invite submitter --expires 1h --queues gpu-*,default",
        "rq-agent invite --ls",
    ),
    "key ls": ("rq-agent key ls", "rq-agent key ls --json"),
    "key show": ("rq-agent key show",),
    "key add": (
        "rq-agent key add ada.pub --queues gpu-*",
        "rq-agent key add ada.pub --everywhere",
    ),
    "key rm": ("rq-agent key rm 3f1c", "rq-agent key rm submitter-ada-laptop-3f1c"),
    "version": ("rq-agent version", "rq-agent version --json"),
}
