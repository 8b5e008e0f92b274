"""One module per OpenStack service, each with its ``SERVICE``. Their imports of OpenStack are inside functions:
a service is imported in its own process alone, and after that process is prepared for it."""
