"""Our types are a part of the whole protocol's: the same names, nothing needed that it does not need."""

from __future__ import annotations

import attrs
import msgspec
import pytest
from lsprotocol import types

from kvlsp.config import camel
from kvlsp.server import answers, handlers, lsp

OURS = {"textDocument/didShowCompletion", "textDocument/didPartiallyAcceptCompletion",
        "textDocument/copilotInlineEdit", "textDocument/didShowInlineEdit"}
"""Methods that only copilot's editors know, under names of the protocol's kind."""

NAMED = {"ShowMessageParams": types.ShowMessageParams, "TextDocumentContentChangeEvent":
         types.TextDocumentContentChangePartial}

STRUCTS = [kind for name, kind in vars(lsp).items()
           if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and name != "Struct" and name[0] != "_"]


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_every_field_is_the_protocols(kind):
    theirs = attrs.fields_dict(NAMED.get(kind.__name__) or getattr(types, kind.__name__))
    names = {camel(name.removesuffix("_")): field.default is attrs.NOTHING for name, field in theirs.items()}
    for field in msgspec.structs.fields(kind):
        assert field.encode_name in names
        if kind in READ and field.required:
            assert names[field.encode_name], f"{field.encode_name} may be left out"


def reached(kind: msgspec.inspect.Type, seen: set[type]) -> set[type]:
    """The structs that a type is made of."""
    match kind:
        case msgspec.inspect.StructType(cls=cls, fields=fields) if cls not in seen:
            seen.add(cls)
            for field in fields:
                reached(field.type, seen)
        case msgspec.inspect.UnionType(types=members):
            for member in members:
                reached(member, seen)
        case msgspec.inspect.ListType(item_type=item):
            reached(item, seen)
    return seen


READ = {cls for kind in lsp.PARAMS.values() for cls in reached(msgspec.inspect.type_info(kind), set())}


@pytest.mark.parametrize("method", lsp.PARAMS)
def test_parameters_are_those_of_their_method(method):
    assert lsp.PARAMS[method].__name__ == types.METHOD_TO_TYPES[method][2].__name__


def test_methods_are_the_protocols_or_named_as_our_own():
    for method in (*handlers.HANDLERS, *handlers.WHEN_UNFIT):
        assert method in types.METHOD_TO_TYPES or method in OURS or method.startswith("kvlsp/"), method
    assert set(lsp.PARAMS) <= set(handlers.HANDLERS)


def test_numbers_are_the_protocols():
    assert types.MessageType.Error == lsp.MessageType.ERROR
    assert types.MessageType.Warning == lsp.MessageType.WARNING
    assert types.InlineCompletionTriggerKind.Invoked.value == lsp.InlineCompletionContext.BY_HAND
    assert types.CompletionTriggerKind.Invoked.value == lsp.CompletionContext.BY_HAND
    assert types.CompletionItemKind.Text.value == lsp.CompletionItem.TEXT
    assert types.InsertTextFormat.PlainText.value == lsp.CompletionItem.PLAIN_TEXT
    assert types.LSPErrorCodes.RequestCancelled == answers.CANCELLED
    for name in ("ParseError", "InvalidRequest", "MethodNotFound", "InvalidParams", "InternalError"):
        ours = "".join(f"_{letter}" if letter.isupper() else letter for letter in name).strip("_").upper()
        assert getattr(answers, ours) == types.ErrorCodes[name]
    assert types.ErrorCodes.ServerNotInitialized == answers.NOT_INITIALIZED
