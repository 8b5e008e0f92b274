"""The OpenStack services of a rehearsal, each a real one, on SQLite and without a message broker.

One process per service, all forked from one parent (``launcher``). A service is one module of ``cloud.services``;
adding one means adding a module there and its port to ``rehearsal.settings.OFFSETS``.
"""
