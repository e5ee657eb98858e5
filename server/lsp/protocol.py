"""The Language Server Protocol over stdin and stdout: each request handed to a function over texts, its answer handed
back. The one module that knows pygls, which comes with the extra `lsp`.

Texts are read again a moment after the last key (QUIET); whatever else is asked is answered from the text as it is.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from importlib.metadata import version
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, Final

from lsprotocol import types as lsp
from pygls import uris
from pygls.lsp.server import LanguageServer

from policy_dsl import PolicyError, format, parse

from .completion import Item, complete
from .diagnostics import Diagnostic, diagnose
from .hover import hover
from .outline import Symbol, outline
from .places import place_at
from .positions import Lines, Range
from .target import target_at
from .workspace import Workspace

QUIET: Final = 0.15
"""Seconds without a change before the faults of a text are told: between two keys of somebody who types."""


def serve_stdio() -> None:
    # pygls closes the streams it is given; the command line still flushes its own when the verb has run.
    make_server().start_io(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))


def make_server() -> LanguageServer:
    """A server that is not started: every feature is registered on it."""
    server = LanguageServer("leastward", version("leastward"))
    desk = _Desk(server)
    completing = lsp.CompletionOptions(trigger_characters=[".", "(", "{", '"', "/"])
    for name, answer, options in (
        (lsp.TEXT_DOCUMENT_DID_OPEN, desk.opened, None),
        (lsp.TEXT_DOCUMENT_DID_CHANGE, desk.changed, None),
        (lsp.TEXT_DOCUMENT_DID_SAVE, desk.saved, None),
        (lsp.TEXT_DOCUMENT_DID_CLOSE, desk.closed, None),
        (lsp.TEXT_DOCUMENT_HOVER, desk.hover, None),
        (lsp.TEXT_DOCUMENT_COMPLETION, desk.completion, completing),
        (lsp.TEXT_DOCUMENT_DEFINITION, desk.definition, None),
        (lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL, desk.symbols, None),
        (lsp.TEXT_DOCUMENT_FORMATTING, desk.formatting, None),
    ):
        server.feature(name, options)(_function(answer))
    return server


def _function(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The method as a function of its own: pygls writes attributes onto what it registers."""
    if not iscoroutinefunction(method):
        return lambda params: method(params)

    async def later(params: Any) -> None:
        await method(params)

    return later


class _Desk:
    """The answers to one editor."""

    def __init__(self, server: LanguageServer) -> None:
        self._server = server
        self._workspace = Workspace()
        self._uris: dict[Path, str] = {}
        self._turn = 0

    # --- texts ------------------------------------------------------------------------------------------------------

    async def opened(self, params: lsp.DidOpenTextDocumentParams) -> None:
        self._put(params.text_document.uri)
        self._tell()

    async def changed(self, params: lsp.DidChangeTextDocumentParams) -> None:
        self._put(params.text_document.uri)
        self._turn += 1
        turn = self._turn
        await asyncio.sleep(QUIET)
        if turn == self._turn:
            self._tell()

    async def saved(self, params: lsp.DidSaveTextDocumentParams) -> None:
        """A tool list may have changed since, without a word to this server."""
        self._tell()

    async def closed(self, params: lsp.DidCloseTextDocumentParams) -> None:
        path = self._path(params.text_document.uri)
        self._workspace.close(path)
        self._publish(path, params.text_document.uri, "", [])
        self._tell()

    def _put(self, uri: str) -> None:
        self._workspace.put(self._path(uri), self._server.workspace.get_text_document(uri).source)

    def _path(self, uri: str) -> Path:
        """The file of a buffer; one that was never saved gets a name in no folder."""
        named = uris.to_fs_path(uri) if uri.startswith("file:") else None
        path = Path("unsaved", uri.partition(":")[2].replace("/", "_")) if named is None else Path(named)
        self._uris[path] = uri
        return path

    def _tell(self) -> None:
        """Publish the faults of every open text and of what belongs to it."""
        told: dict[Path, tuple[str, list[Diagnostic]]] = {}
        for path in self._workspace.open:
            bundle = self._workspace.bundle(path)
            for file, found in diagnose(bundle).items():
                told.setdefault(file, (bundle.texts[file], found))
        for file, (text, found) in told.items():
            self._publish(file, self._uri(file), text, found)

    def _publish(self, path: Path, uri: str, text: str, found: list[Diagnostic]) -> None:
        lines = self._lines(text)
        self._server.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(uri, [_diagnostic(one, lines) for one in found])
        )

    def _uri(self, path: Path) -> str:
        return self._uris.get(path) or uris.from_fs_path(str(path)) or path.as_uri()

    def _lines(self, text: str) -> Lines:
        return Lines(text, str(self._server.workspace.position_encoding or "utf-16"))

    # --- questions --------------------------------------------------------------------------------------------------

    def hover(self, params: lsp.HoverParams) -> lsp.Hover | None:
        path, lines = self._document(params.text_document.uri)
        found = hover(self._workspace.bundle(path), path, _offset(lines, params.position))
        if found is None:
            return None
        said = lsp.MarkupContent(lsp.MarkupKind.Markdown, found.markdown)
        return lsp.Hover(said, _range(lines.range(found.start, found.end)))

    def completion(self, params: lsp.CompletionParams) -> list[lsp.CompletionItem]:
        path, lines = self._document(params.text_document.uri)
        items = complete(self._workspace.bundle(path), path, _offset(lines, params.position))
        return [_item(item, at, lines) for at, item in enumerate(items)]

    def definition(self, params: lsp.DefinitionParams) -> lsp.Location | None:
        path, lines = self._document(params.text_document.uri)
        bundle = self._workspace.bundle(path)
        target = target_at(bundle, path, place_at(lines.text, bundle.files.get(path), _offset(lines, params.position)))
        if target is None:
            return None
        if target.file is not None:
            return lsp.Location(self._uri(target.file), _range(Range((0, 0), (0, 0))))
        if target.definition is None:
            return None
        there = target.definition
        shown = self._lines(bundle.files[there.path].source).range(there.span.start, there.span.end)
        return lsp.Location(self._uri(there.path), _range(shown))

    def symbols(self, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        path, _ = self._document(params.text_document.uri)
        file = self._workspace.bundle(path).files.get(path)
        return [] if file is None else [_symbol(symbol, self._lines(file.source)) for symbol in outline(file)]

    def formatting(self, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit]:
        """Nothing for a text that does not parse: its faults are shown already."""
        path, lines = self._document(params.text_document.uri)
        try:
            formatted = format(parse(lines.text, str(path)))
        except PolicyError:
            return []
        whole = _range(Range((0, 0), lines.end))
        return [] if formatted == lines.text else [lsp.TextEdit(whole, formatted)]

    def _document(self, uri: str) -> tuple[Path, Lines]:
        path = self._path(uri)
        text = self._server.workspace.get_text_document(uri).source
        self._workspace.put(path, text)
        return path, self._lines(text)


# --- into the protocol's own types ----------------------------------------------------------------------------------


def _offset(lines: Lines, position: lsp.Position) -> int:
    return lines.offset((position.line, position.character))


def _range(there: Range) -> lsp.Range:
    return lsp.Range(lsp.Position(*there.start), lsp.Position(*there.end))


def _diagnostic(found: Diagnostic, lines: Lines) -> lsp.Diagnostic:
    return lsp.Diagnostic(
        range=_range(lines.range(found.start, found.end)),
        message=found.message,
        severity=_SEVERITIES[found.severity],
        code=found.code,
        code_description=None if found.docs is None else lsp.CodeDescription(found.docs),
        source="leastward",
    )


def _item(item: Item, at: int, lines: Lines) -> lsp.CompletionItem:
    return lsp.CompletionItem(
        label=item.label.removesuffix(": "),
        kind=_ITEMS[item.kind],
        detail=item.detail or None,
        documentation=item.more or None,
        sort_text=f"{at:05}",  # the order is ours: names before words
        text_edit=lsp.TextEdit(_range(lines.range(item.start, item.end)), item.label),
    )


def _symbol(symbol: Symbol, lines: Lines) -> lsp.DocumentSymbol:
    return lsp.DocumentSymbol(
        name=symbol.name,
        kind=_SYMBOLS[symbol.kind],
        range=_range(lines.range(symbol.span.start, symbol.span.end)),
        selection_range=_range(lines.range(symbol.name_span.start, symbol.name_span.end)),
        detail=symbol.detail or None,
        children=[_symbol(child, lines) for child in symbol.children],
    )


_SEVERITIES: Final = {"error": lsp.DiagnosticSeverity.Error, "warning": lsp.DiagnosticSeverity.Warning}
_ITEMS: Final = {
    "keyword": lsp.CompletionItemKind.Keyword,
    "tool": lsp.CompletionItemKind.Function,
    "argument": lsp.CompletionItemKind.Field,
    "set": lsp.CompletionItemKind.Constant,
    "group": lsp.CompletionItemKind.Module,
    "rule": lsp.CompletionItemKind.Reference,
    "macro": lsp.CompletionItemKind.Method,
    "counter": lsp.CompletionItemKind.Variable,
    "label": lsp.CompletionItemKind.EnumMember,
    "value": lsp.CompletionItemKind.Value,
    "file": lsp.CompletionItemKind.File,
}
_SYMBOLS: Final = {
    "rule": lsp.SymbolKind.Method,
    "set": lsp.SymbolKind.Constant,
    "group": lsp.SymbolKind.Module,
    "macro": lsp.SymbolKind.Function,
    "counter": lsp.SymbolKind.Variable,
    "label": lsp.SymbolKind.EnumMember,
    "intent": lsp.SymbolKind.Interface,
    "block": lsp.SymbolKind.Namespace,
    "test": lsp.SymbolKind.Event,
    "call": lsp.SymbolKind.Function,
    "file": lsp.SymbolKind.File,
}
