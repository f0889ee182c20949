"""Promises to users, held on any cluster: `make e2e` makes one here, `pytest e2e --help` has the options."""
