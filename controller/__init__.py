"""The controller: assigns addresses from pools to Services of type LoadBalancer."""
