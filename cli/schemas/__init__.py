"""The JSON that commands print with `--json`, described: the source of docs/schemas/."""
