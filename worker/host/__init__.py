"""A host: a process of the worker that runs many functions of tasks in the user's environment.

Standard library only, Python 3.9 and later. It is copied into the cache (`worker/sdk_folder.py`)
and started as `<python of the environment> -u <copy>/host/run.py <host folder> <kind> [ARG ...]`,
in the working directory of the tasks. `kind` is `coroutine` or `process`; what stands behind it
becomes `sys.argv[1:]` of the tasks. This text is what the worker and a host say to each other.
All of it is UTF-8 JSON, one array per line.

# Commands: worker -> host, over the Unix stream socket `<host folder>/socket`

The host listens as soon as the socket is there (paths that are too long for one: connect through
`/proc/self/fd/<descriptor of the folder>/socket`). One connection at a time: a newer one replaces
the older. When it closes the host goes on, and ends after 10 minutes in which nobody was connected
and nothing ran: exit 0, its reports stay. A line that is not understood is told to stderr of the
host, and passed over.

* `["hello", {"lag_s": 2.0}]`: first on each connection; answered by a report `state`. Names that
  the host does not know are ignored. Without `lag_s` it is 2 s. `lonely_s` stands for the 10 minutes.
* `["start", [[key, target, arguments, timeout_s, grace_s, note, log], ...]]`: run these calls.
  `key`: `<task id>.<fence>`. `target`: `module:function` or `/path/of/script.py:function`.
  `arguments`: `[args, kwargs]`. `timeout_s`: from now on, import included; 0: no limit.
  `grace_s`: what a call may take to end when its time is over. `note`: text, given back in `done`
  and `state`. `log`: false if nobody wants its output. A key that runs already is passed over. An
  entry that is not understood is answered with `done`, `errored`, if it has a key.
* `["cancel", key, grace_s, cause]`: `cause` is `cancelled`, `released` or `timed out`. A key that
  does not run is passed over: its `done` is on its way.
* `["read", n]`: the reports up to `reports.<n>` are settled; the host removes those files (never
  the one that it writes).
* `["end"]`: exit 0 as soon as nothing runs, and at the latest 5 s after that.

# Reports: host -> worker, appended to `<host folder>/reports.<n>`, n from 1

Files, so that nothing is lost with either side. The next one begins after 4 MiB: when
`reports.<n+1>` exists, `reports.<n>` is complete. After it wrote, the host sends one byte (`!`)
over the connection, for output within 0.1 s; it never waits for that. A reader keeps a file open
until it has read it to its end: a complete one may be replaced by a shorter one under its name
(see `gap`).

* `["ready", pid, "3.12.1", "uvloop"]`: first line of a host; or `asyncio`, or `fork`.
* `["state", [[key, note, started_unix_s], ...]]`: answer to `hello`: all that runs now.
* `["done", [[key, outcome, exit_code, reason, result, note, lasted_ms], ...]]`: ends. `outcome`:
  `succeeded`, `failed`, `errored`, `cancelled`, `timed_out`, `released`. `exit_code`: a number or
  null. `reason`: at most 200 characters. `result`: JSON text, null unless it succeeded. Written
  once per turn of the loop, or each 200: at most 200 ends or 1 Mi characters of results and notes
  in a line, a larger one alone. Output of a call stands before its `done`.
* `["out", key, "out", offset, text]` (or `"err"`): what a call printed; written as it is printed,
  a line that is not complete after 0.2 s and at the end. `offset`: bytes of UTF-8 before it in
  that stream. What is not UTF-8 was replaced. At most 64 Ki characters.
* `["gap", key, "out", bytes]`: so much output of that stream was dropped, somewhere before the
  next report of that key: more than 64 MiB of reports were not settled, or the disk is full.
  Nothing but output is ever dropped.
* `["blocked", key, seconds, stack]`: this call has kept the loop from going on for longer than
  `lag_s`. `key` is "" where it is not known whose code runs. Once per block, and
  `["unblocked", key, seconds]` if it went on after all.
* `["exits", key, code]`: this call has called `os._exit`; the host is gone right after.
* `["refused", key, reason]`: something of this call cannot be ended, the host must be. Before
  `done` (of a call that was stopped, then there is no `done`), or behind it (of tasks that a call
  left behind).
* `["pulse", lag_ms, rss_bytes, calls]`: every 0.5 s while calls run, from a thread of its own. No
  pulse while calls run: nothing of Python can run in the host. If it has no pulse for `lag_s` + 1
  seconds, the stacks of its threads appear in `<host folder>/stuck`.
"""
