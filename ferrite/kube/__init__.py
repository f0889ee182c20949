"""The API server: kinds, calls, the watched world, writes, Events and Leases."""
