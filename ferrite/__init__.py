"""What both daemons stand on: addresses, the model, configuration, the Kubernetes client, the process."""
