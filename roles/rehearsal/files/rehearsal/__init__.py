"""A whole OpenStack cloud with Magnum, and the Kubernetes clusters that it makes, on one machine."""
