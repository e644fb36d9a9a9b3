"""The documents: links lead somewhere, files that are named are there, the map shows every room."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("editors/*.md"), ROOT / "kvlsp" / "ARCHITECTURE.md"]
ARCHITECTURE = (ROOT / "kvlsp" / "ARCHITECTURE.md").read_text(encoding="utf-8")
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)", page.read_text(encoding="utf-8")):
        there = page.parent / target if target else page
        assert there.exists(), target
        if anchor:
            assert anchor[1:] in anchors(there), f"{target}{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_that_are_named_are_there(page: Path):
    """A path in backticks, from the root of the repository or of the package."""
    for name in re.findall(r"`((?:[\w-]+/)+[\w-]+\.(?:py|md|ts|lua|toml))[`:]", page.read_text(encoding="utf-8")):
        assert any((root / name).exists() for root in (ROOT, ROOT / "kvlsp", page.parent)), name


def test_the_page_of_the_extension_has_no_links_into_the_repository():
    """The packager refuses them: the page is shown where the repository is not."""
    page = (ROOT / "editors" / "vscode" / "README.md").read_text(encoding="utf-8")
    assert not re.findall(r"\]\((?!https?:|#)[^)]*\)", page)


def test_the_architecture_is_a_read_of_ten_minutes():
    assert len(ARCHITECTURE.splitlines()) <= 150


def test_the_map_shows_every_room():
    code_map = ARCHITECTURE[ARCHITECTURE.index("## Code map"):ARCHITECTURE.index("## Invariants")]
    rooms = [path.parent for path in (ROOT / "kvlsp").glob("**/__init__.py") if path.parent.name != "kvlsp"]
    for room in rooms:
        assert re.search(rf"^ +{room.name}/", code_map, re.MULTILINE), room


def test_invariants_are_numbered_in_a_row():
    part = ARCHITECTURE[ARCHITECTURE.index("## Invariants"):ARCHITECTURE.index("## Ways")]
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", part, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_decisions_are_numbered_in_a_row_and_listed():
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    for number, page in enumerate(DECISIONS, 1):
        first, *lines = page.read_text(encoding="utf-8").splitlines()
        assert page.name.startswith(f"{number:04d}-")
        assert f"- [{first.removeprefix('# ')}]({page.name})" in index
        assert [line for line in lines if line.startswith("## ")] == [
            "## Context", "## Decision", "## Evidence", "## Consequences"]
