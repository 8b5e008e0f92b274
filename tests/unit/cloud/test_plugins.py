from __future__ import annotations

from importlib import metadata
from pathlib import Path

import rehearsal
from rehearsal.cloud import plugins
from rehearsal.cloud.layout import Cloud


def test_drivers_are_announced_to_their_services(cloud: Cloud) -> None:
    folder = plugins.write(cloud)
    (distribution,) = metadata.distributions(path=[str(folder)])
    found = {entry.group: entry.value for entry in distribution.entry_points}
    assert found == plugins.ENTRY_POINTS
    package = Path(rehearsal.__file__).parent
    for value in found.values():
        module = value.partition(":")[0].split(".")[1:]
        assert package.joinpath(*module).with_suffix(".py").exists(), value
    assert plugins.python_path(cloud).split(":") == [str(package.parent), str(folder)]
