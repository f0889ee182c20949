"""What the container image's build runs."""
