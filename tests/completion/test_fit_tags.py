"""What is offered among tags, in components that somebody might have written, larger than what is looked at."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.completion.fit import fit
from kvlsp.syntax.block import Place
from kvlsp.syntax.language import Language
from kvlsp.syntax.window import WINDOW

TSX = next(language for language in Language.all() if language.name == "tsx")
ABOVE = "/* One of many. */\nimport a from 'a';\n\n" + "const words = ['one', 'two'].map(a => a.b);\n" * 300
BELOW = "\n" + "export const f = (a: A): B => ({ ...a, c: 1 });\n" * 300

ATTRIBUTES = st.lists(st.sampled_from([
    'name="a"', "label={label}", "style={{ top: 0, left: a.b }}", "disabled", "icon={<Icon />}", "{...others}",
    "onClick={() => {\n  set(false);\n  // and on\n  go(a, [b]);\n}}", "onChange={(event) => set(event.target.value)}",
    'className={clsx("a", {\n  "b--c": others.d,\n})}', "value={a > 1 ? `b ${c}` : undefined}",
]), max_size=4)
LEAVES = st.sampled_from(["Some words, and more of them", "{t('a.b')}", "{a.b}", "<br />", "{/* one of them */}"])


def _deeper(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.split("\n"))


def _element(parts: tuple[list[str], list[str], str]) -> str:
    attributes, children, name = parts
    opened = f"<{name}\n{''.join(map(_deeper, attributes))}>" if attributes else f"<{name}>"
    return f"{opened}\n{''.join(map(_deeper, children))}</{name}>"


def _more(child: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    names = st.sampled_from(["div", "Foo", "Foo.Bar", "li"])
    element = st.tuples(ATTRIBUTES, st.lists(child, max_size=3), names).map(_element)
    tag = st.tuples(element, st.sampled_from(["{}", "{{a && (\n  {}\n)}}", "{{all.map((a) => (\n  {}\n))}}"]))
    return tag.map(lambda of: of[1].format(of[0].replace("\n", "\n  ") if "\n" in of[1] else of[0]))


COMPONENTS = st.lists(st.recursive(LEAVES, _more, max_leaves=8), min_size=1, max_size=3).map(
    lambda children: "export function C({ a, ...others }: Props) {\n  const [b, set] = useState<string>('');\n\n"
                     "  return (\n" + _deeper(_deeper(_element(([], children, "main"))).rstrip("\n"))
                     + "  );\n}\n")


@settings(max_examples=60, deadline=None)
@given(COMPONENTS, st.data())
def test_what_parsed_before_parses_after(component, data):
    """Any text of the file at any place of it."""
    caret = data.draw(st.integers(0, len(component)))
    start = data.draw(st.integers(0, len(component)))
    text = component[start : start + data.draw(st.integers(1, 40))]
    before, behind = ABOVE + component[:caret], component[caret:] + BELOW
    assert not TSX.parse(before + behind).root_node.has_error
    got = fit(Place.at(before[-WINDOW:], behind[:WINDOW], TSX), text)
    if got:
        assert not TSX.parse(before + got + behind).root_node.has_error
