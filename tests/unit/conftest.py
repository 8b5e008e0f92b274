"""Make the collection importable as ansible_collections.stfc.jupyterhub, and the rehearsal's package as rehearsal."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

for path in (ROOT, ROOT / ".collections", ROOT / "roles" / "rehearsal" / "files"):
    sys.path.insert(0, str(path))

from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

_AnsibleCollectionFinder(paths=[str(ROOT / ".collections")])._install()
