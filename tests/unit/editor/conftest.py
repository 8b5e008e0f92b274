"""An editor for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.editor import Editor, NoRegistryError, install


@pytest.fixture(scope="module")
def editor() -> Iterator[Editor]:
    try:
        command = install()
    except NoRegistryError as error:
        pytest.skip(str(error))
    editor = Editor(command)
    yield editor
    editor.close()
