"""A real Kubernetes cluster, a router and a client on one Linux machine, in network namespaces."""
