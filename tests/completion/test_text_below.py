from kvlsp.completion.text_below import Echo, same_line
from kvlsp.syntax.block import Place


def echo(following: str) -> Echo:
    return Echo(Place.at("", "\n" + following, None))


def test_hears_the_lines_below_from_the_first_on():
    heard = echo("    first()\n\n    second()\n")
    assert not heard.hears("    other()", before=5)
    assert heard.hears("    first()", before=9)
    assert heard.hears("    second()", before=20)
    assert heard.start == 9
    assert not heard.hears("    third()", before=30)


def test_indentation_and_short_lines_matter():
    assert not echo("    first()\n").hears("first()", before=0)
    assert not echo("}\n").hears("}", before=0)


def test_lines_that_say_the_same():
    assert same_line("x = 'a'", 'x  = "a",')
    assert same_line("return result_of_the_thing", "return result_of_the_thin")
    assert not same_line("ENCODING_FLOAT_A = 23", "ENCODING_FLOAT_B = 23")
    assert not same_line("x = 1", "x = 2")
