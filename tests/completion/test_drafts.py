"""Ids in, ids out: what is proposed behind a context. Letters stand for ids, so that a failure can be read."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.completion.copy_drafter import CopyDrafter
from kvlsp.completion.draft_length import Adaptation
from kvlsp.completion.drafts import Drafting
from tests.completion.ids import Replacement, drafted, ids, text


def test_copies_what_followed():
    drafter = CopyDrafter(ids("the quick brown fox."))
    assert drafted(drafter, "a quick ") == "brown fo"
    assert drafted(drafter, "nothing alike!") == ""


def test_where_no_three_ids_agree_the_newest_place_of_two_or_one_is_the_draft():
    drafter = CopyDrafter(ids("..ab1 cb2 b3!"))
    assert drafted(drafter, "ab", limit=1) == "1"
    assert drafted(drafter, "xb", limit=1) == "3"
    drafter.apply(Replacement(2, 2, ids("xb4 ")))
    assert drafted(drafter, "xb", limit=1) == "4"
    assert drafted(CopyDrafter(), "xb5 b", limit=1) == "5"
    assert drafted(CopyDrafter(), "xb5 yxb6 xb", limit=1) == "6"


def test_the_longest_match_wins_and_the_newest_of_equals():
    drafter = CopyDrafter(ids("aabcd1 xbcd2 ybcd3."))
    assert drafted(drafter, "zbcd")[0] == "3"
    assert drafted(drafter, "xbcd")[0] == "2"
    assert drafted(drafter, "aabcd")[0] == "1"


def test_replaced_text_is_the_draft_of_its_rewrite():
    before = "def f(x):\n    return x + 1\n\ndef g"
    drafter = CopyDrafter(ids(before))
    cut = before.index("    return")
    drafter.apply(Replacement(cut, cut + len("    return x + 1"), ids("")))
    assert drafted(drafter, "def f(x):\n", suffix="\n\ndef g") == "    retu"


def test_the_text_after_the_caret_is_no_draft():
    drafter = CopyDrafter(ids("ONE+TWO=three"))
    assert drafted(drafter, "ONE+TWO=", suffix="three") == ""
    assert drafted(drafter, "ONE+TWO=", suffix="else") == "three"


def test_new_text_is_a_source_at_once_and_leads_on():
    drafter = CopyDrafter(ids("alpha omega"))
    drafter.apply(Replacement(6, 6, ids("beta ")))
    assert drafted(drafter, ">beta ") == "omega"
    assert drafted(drafter, "alpha b")[:4] == "eta "


def test_own_output_is_a_source():
    assert drafted(CopyDrafter(), "ab, ab, ab, ", limit=3) == "ab,"


def test_completions_and_other_documents_are_sources():
    own, other = CopyDrafter(), CopyDrafter(ids("import numpy as np"))
    own.learn(ids("from os "), ids("import path"))
    drafts = Drafting(own, (other,), (), Adaptation(row_cost=0.0))
    assert text(drafts.propose(ids("os import p"), 3)) == "ath"
    assert text(drafts.propose(ids("import numpy"), 3)) == " as"


@given(st.lists(st.integers(0, 4), max_size=60), st.lists(st.integers(0, 4), min_size=1, max_size=60), st.data())
def test_a_growing_context_is_read_as_a_whole_one(document, ids, data):
    drafting, context = Drafting(CopyDrafter(document), (), [1, 2, 3, 4]), ids[:1]
    for following in ids[1:]:
        context.append(following)
        if data.draw(st.booleans()):
            fresh = Drafting(CopyDrafter(document), (), [1, 2, 3, 4])
            assert drafting.propose(context, 8) == fresh.propose(np.array(context, np.int32), 8)
    other = ids[::-1]
    fresh = Drafting(CopyDrafter(document), (), [1, 2, 3, 4])
    assert drafting.propose(other, 8) == fresh.propose(other, 8)
