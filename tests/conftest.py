"""What every test begins with: folders of its own, so that none finds or leaves anything of the user's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from kvlsp.remote import asking
from tests.e2e.support.editors import editors_folder
from tests.support.folders import short_folder

# Machines are shared and differ: an example that takes long there says nothing of the code.
settings.register_profile("no deadline", settings(), deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(scope="session", autouse=True)
def cache_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Daemons that tests start inherit it: they keep rows of what they are shown, and what they have measured."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KVLSP_EDITORS", str(editors_folder()))  # these are installed beside the user's cache
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def engines_of_their_own(cache_of_their_own: None) -> Iterator[None]:
    """Daemons that tests start share an engine among them, not with the user's; it does not outlive the tests."""
    with short_folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        patch.setenv("KVLSP_ENGINE_LINGER", "5")  # one for every cache folder and every model
        yield
        asking.stop()
