# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What both modules do with their options."""

from __future__ import annotations

import time
from typing import Any

from ..magnum.progress import Progress
from . import keeper
from .locking import LockError, Locking, Store, refusal
from .machine import here


def result(module: Any, store: Store, what: str, option: str) -> dict[str, Any]:
    """The answer of ``module``, an AnsibleModule with ``process``, ``doing`` and ``timeout``. Raises LockError."""
    process = module.params["process"]
    if process is None:
        raise LockError(f"The lock of {what} is held by the machine that runs the playbook: use connection local.")
    machine = here()
    record = machine.record(module.params["doing"], process, time.time())
    locking = Locking(store, what, machine, option, say=Progress().say)
    answer: dict[str, Any] = {"changed": False, "held": False, "waited": False, "taken_over": []}
    try:
        if module.check_mode:
            for sentence in locking.holders(record):
                module.warn(f"{sentence[0].upper()}{sentence[1:]}. What is checked here may be changing.")
            return answer
        taken = locking.take(record, module.params["timeout"])
    except LockError as error:
        if not error.refused:
            raise
        module.warn(refusal(what, error))
        return answer
    for sentence in taken.over:
        module.warn(sentence)
    if taken.anew:
        keeper.start(store, taken.entry, record)
    return answer | {"held": True, "waited": taken.waited, "taken_over": list(taken.over)}
