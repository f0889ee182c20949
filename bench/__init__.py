"""The figures of the README: `python -m bench --help`."""
