"""JSON results -> markdown tables. Medians, with [min-max] where they differ by more than 5 %."""

import statistics


def num(x):
    if x is None:
        return "-"
    a = abs(x)
    if a >= 1e6:
        return f"{x / 1e6:.2f}M"
    if a >= 1e4:
        return f"{x / 1e3:.1f}k"
    if a >= 100:
        return f"{x:.0f}"
    if a >= 10:
        return f"{x:.1f}"
    return f"{x:.2f}"


def agg(runs, key, spread=True):
    v = [r[key] for r in runs if r and r.get(key) is not None]
    if not v:
        e = next((r["error"] for r in runs if r and r.get("error")), None)
        return "err" if e else "-"
    m = statistics.median(v)
    if spread and m and (max(v) - min(v)) / m > 0.05:
        return f"{num(m)} [{num(min(v))}-{num(max(v))}]"
    return num(m)


def table(head, rows):
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    out += ["| " + " | ".join(str(c) for c in r) + " |" for r in rows]
    return "\n".join(out) + "\n"


def noise(data):
    """All noise figures of a results tree."""
    if isinstance(data, dict):
        if "foreign_cpu" in data:
            yield data
        for v in data.values():
            yield from noise(v)
    elif isinstance(data, list):
        for v in data:
            yield from noise(v)


def md(d):
    out = ["# Peer benchmark results\n"]
    v = d.get("versions")
    if v:
        out.append("## Versions\n\n" + "\n".join(f"- {k}: {x}" for k, x in v.items()) + "\n")
    nz = list(noise({k: x for k, x in d.items() if k != "versions"}))
    if nz:
        f = sorted(x["foreign_cpu"] for x in nz)
        s = sorted(x["steal"] for x in nz)
        out.append(
            f"Noise over {len(nz)} samples: other processes' share of the machine's CPU, "
            f"median {f[len(f) // 2] * 100:.1f} %, p95 {f[int(len(f) * 0.95)] * 100:.1f} %, "
            f"max {f[-1] * 100:.1f} %; steal max {s[-1] * 100:.1f} %.\n"
        )
    if "tune" in d:
        rows = [
            [n, k, agg(r, "rate"), agg(r, "worker_us_per_job")]
            for n, g in d["tune"].items()
            for k, r in g.items()
        ]
        out.append(
            "## Tuning (drain, jobs/s)\n\n"
            + table(["peer", "setting", "jobs/s", "worker CPU us/job"], rows)
        )
    if "enqueue" in d:
        rows = []
        for n, g in d["enqueue"].items():
            rows.append(
                [n]
                + [
                    agg(g.get(k, []), "rate")
                    for k in ("seq|100", "bulk|100", "seq|10000", "bulk|10000")
                ]
                + [
                    agg(g.get("seq|100", []), "calls_per_job", False),
                    agg(g.get("seq|100", []), "redis_us_per_job", False),
                    agg(g.get("seq|100", []), "mem_per_job", False),
                ]
            )
        out.append(
            "## (a)(g) Enqueue, jobs/s, one producer\n\n"
            + table(
                [
                    "peer",
                    "one at a time, 100 B",
                    "bulk/concurrent, 100 B",
                    "one at a time, 10 kB",
                    "bulk, 10 kB",
                    "redis cmds/job",
                    "redis CPU us/job",
                    "redis B/waiting job",
                ],
                rows,
            )
        )
    if "drain" in d:
        rows = []
        for n, g in d["drain"].items():
            one = g.get("1w|100", [])
            rows.append(
                [
                    n,
                    agg(one, "rate"),
                    agg(g.get("2w|100", []), "rate"),
                    agg(g.get("1w|10000", []), "rate"),
                    agg(one, "worker_us_per_job", False),
                    agg(one, "redis_us_per_job", False),
                    agg(one, "calls_per_job", False),
                ]
            )
        out.append(
            "## (b)(e)(g) Drain of preloaded no-op jobs, jobs/s\n\n"
            + table(
                [
                    "peer",
                    "1 worker",
                    "2 workers",
                    "1 worker, 10 kB",
                    "worker CPU us/job",
                    "redis CPU us/job",
                    "redis cmds/job",
                ],
                rows,
            )
        )
    if "results" in d:
        rows = [
            [n, agg(r, "rate"), agg(r, "calls_per_job", False)] for n, r in d["results"].items()
        ]
        out.append(
            "## Drain with results kept (their default), jobs/s\n\n"
            + table(["peer", "1 worker", "redis cmds/job"], rows)
        )
    if "latency" in d:
        rows = [
            [n]
            + [agg(r, k) for k in ("p50_ms", "p90_ms", "p99_ms", "max_ms")]
            + [agg(r, "call_p50_ms", False), sum(x.get("n", 0) for x in r)]
            for n, r in d["latency"].items()
        ]
        out.append(
            "## (c) Latency, idle worker, submit -> job start, ms\n\n"
            + table(
                ["peer", "p50", "p90", "p99", "max", "of it the enqueue call p50", "jobs"], rows
            )
        )
    if "idle" in d:
        rows = [
            [
                n,
                *(
                    agg(r, k, False)
                    for k in (
                        "rss_mb",
                        "pss_mb",
                        "uss_mb",
                        "processes",
                        "threads",
                        "connections",
                        "worker_cpu_pct",
                        "calls_per_s",
                    )
                ),
            ]
            for n, r in d["idle"].items()
        ]
        out.append(
            "## (d) Idle worker\n\n"
            + table(
                [
                    "peer|queues",
                    "RSS MB (tree)",
                    "PSS MB",
                    "USS MB",
                    "processes",
                    "threads",
                    "redis conns",
                    "CPU %",
                    "redis cmds/s",
                ],
                rows,
            )
        )
    if "startup" in d:
        rows = [
            [
                n,
                num(r["to_first_job_s"]["median"]) if r.get("to_first_job_s") else "err",
                num(r["help_s"]["median"]),
            ]
            for n, r in d["startup"].items()
        ]
        out.append(
            "## (d) Worker CLI start, s\n\n"
            + table(["peer", "spawn -> first job starts", "--help"], rows)
        )
    if "backlog" in d:
        sizes = sorted({int(k) for g in d["backlog"].values() for k in g})
        rows = [
            [n]
            + [agg(g.get(str(s), {}).get("runs", []), "rate") for s in sizes]
            + [
                num(
                    next(
                        (
                            g[str(s)]["mem_per_job"]
                            for s in reversed(sizes)
                            if "mem_per_job" in g.get(str(s), {})
                        ),
                        None,
                    )
                )
            ]
            for n, g in d["backlog"].items()
        ]
        out.append(
            "## (f) Drain rate against waiting jobs, 1 worker, jobs/s\n\n"
            + table(["peer"] + [f"{s:,}" for s in sizes] + ["redis B/waiting job"], rows)
        )
    if "queues" in d:
        ns = sorted({int(k) for g in d["queues"].values() for k in g})
        rows = [[n] + [agg(g.get(str(q), []), "rate") for q in ns] for n, g in d["queues"].items()]
        out.append(
            "## (f) Drain rate against queues listened to, jobs spread evenly, jobs/s\n\n"
            + table(["peer"] + [str(q) for q in ns], rows)
        )
    if "aof" in d:
        rows = [
            [n, agg(g.get("enqueue", []), "rate"), agg(g.get("drain", []), "rate")]
            for n, g in d["aof"].items()
        ]
        out.append(
            "## appendonly yes, appendfsync everysec\n\n"
            + table(["peer", "enqueue seq, jobs/s", "drain 1 worker, jobs/s"], rows)
        )
    return "\n".join(out)
