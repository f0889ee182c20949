"""What every daemon's process needs: arguments, logs, probes, metrics, back-off and its supervisor."""
