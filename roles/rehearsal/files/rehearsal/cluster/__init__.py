"""Magnum's clusters: the driver, their control planes and nodes, load balancers and volumes."""
