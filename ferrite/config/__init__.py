"""Custom resources to typed configuration: `parse.py` is the way in. A bad object becomes a Problem."""
