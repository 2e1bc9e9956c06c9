"""Code as it lies on the disk: packed at submit (`take.py`), unpacked on a worker (`unpack.py`)."""
