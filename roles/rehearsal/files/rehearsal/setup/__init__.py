"""Get what a rehearsal runs on: system packages, Kubernetes programs, Python and npm environments.

Standard library only, Python 3.10 and newer: it runs before any environment exists. Everything is kept in this
user's cache (`rehearsal.settings.cache_dir`), so a second checkout starts in seconds.
"""
