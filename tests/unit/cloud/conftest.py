from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal.cloud.layout import Cloud
from rehearsal.settings import Settings


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    settings = Settings(
        state=tmp_path / "state",
        base_port=20000,
        name=f"unit-{tmp_path.name}"[:40],
        admin_password="admin$ecret",
        member_password="member%ecret",
    )
    settings.save()
    return Cloud(settings)
