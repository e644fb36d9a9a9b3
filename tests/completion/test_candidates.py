from kvlsp.completion.candidates import EARLY, Choice, Fork, distinct, fork

SURE = Choice((1, 2, 3), (-0.01, -6.0, -7.0))


def test_branches_at_the_least_certain_token():
    open_choice = Choice((4, 5, 6), (-0.9, -1.0, -2.9))
    forks = fork([SURE, open_choice, SURE], wanted=1)
    assert [(found.at, found.token) for found in forks] == [(1, 5)]


def test_other_places_come_before_a_second_branch_of_one():
    choices = [Choice((1, 2, 3), (-0.9, -1.0, -1.1)), Choice((4, 5, 6), (-0.5, -1.5, -9.0))]
    assert [(found.at, found.token) for found in fork(choices, wanted=3)] == [(0, 2), (1, 5), (0, 3)]


def test_noise_ends_and_late_tokens_are_no_branches():
    assert fork([SURE] * 5, wanted=2) == ()
    assert fork([Choice((1, 2), (-0.7, -0.7))], wanted=2, never={2}) == ()
    late = [SURE] * EARLY + [Choice((1, 2), (-0.7, -0.7))]
    assert fork(late, wanted=2) == ()


def test_the_chosen_token_need_not_be_the_best():
    choice = Choice((1, 2, 3), (-0.5, -1.0, -1.5))
    assert fork([choice], wanted=1, chosen=[2]) == (Fork(0, 1, -0.5),)


def test_candidates_differ_in_more_than_white_space():
    assert distinct(["a b", "ab", "", " ", "c"]) == ("a b", "c")
