"""What every test begins with: a cache folder of its own, so that none finds or leaves anything in the user's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.support.editors import editors_folder


@pytest.fixture(scope="session", autouse=True)
def cache_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Daemons that tests start inherit it: they keep rows of what they are shown, and what they have measured."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KVLSP_EDITORS", str(editors_folder()))  # these are installed beside the user's cache
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
