// The editor: CodeMirror with its own language client.
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { javascript } from '@codemirror/lang-javascript';
import { python } from '@codemirror/lang-python';
import { HighlightStyle, bracketMatching, indentUnit, syntaxHighlighting } from '@codemirror/language';
import type { LSPClient } from '@codemirror/lsp-client';
import { searchKeymap } from '@codemirror/search';
import { EditorState, type Extension } from '@codemirror/state';
import { EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';

import { ghostText } from './ghost';
import { nextEdit } from './next';

export interface Opened {
  name: string;
  uri: string;
  language: string;
  text: string;
  sample: boolean;
  inspect?: false;
}

/** The page has no editor of its own: it looks on at the daemon of another. */
export interface Onlooking {
  inspect: true;
}

const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier], class: 'hl-keyword' },
  { tag: [tags.string, tags.special(tags.string)], class: 'hl-string' },
  { tag: tags.comment, class: 'hl-comment' },
  { tag: [tags.number, tags.bool, tags.null], class: 'hl-number' },
  { tag: [tags.function(tags.variableName), tags.function(tags.definition(tags.variableName))], class: 'hl-function' },
  { tag: [tags.className, tags.typeName], class: 'hl-type' },
]);

const LANGUAGES: Record<string, () => Extension> = {
  python: () => python(),
  javascript: () => javascript({ jsx: true }),
  typescript: () => javascript({ typescript: true }),
  tsx: () => javascript({ typescript: true, jsx: true }),
};

/** Where somebody begins who has not typed yet: inside the code, about two thirds down. */
function place(text: string): number {
  const wanted = Math.floor(text.length * 0.66);
  const end = text.indexOf('\n', wanted);
  return end < 0 ? text.length : end;
}

export function openEditor(client: LSPClient, opened: Opened, answered: (items: number) => void): EditorView {
  const nonce = document.querySelector<HTMLMetaElement>('meta[name=csp-nonce]')?.nonce ?? '';
  const begin = place(opened.text);
  const view = new EditorView({
    parent: document.querySelector('#editor')!,
    state: EditorState.create({
      doc: opened.text,
      selection: { anchor: begin },
      extensions: [
        EditorView.cspNonce.of(nonce),
        lineNumbers(),
        highlightActiveLineGutter(),
        history(),
        drawSelection(),
        indentUnit.of('    '),
        bracketMatching(),
        highlightActiveLine(),
        syntaxHighlighting(COLOURS),
        LANGUAGES[opened.language]?.() ?? [],
        keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap]),
        EditorView.contentAttributes.of({ 'aria-label': opened.name, spellcheck: 'false' }),
        client.plugin(opened.uri, opened.language),
        ghostText(client, answered),
        nextEdit(client),
      ],
    }),
  });
  view.dispatch({ effects: EditorView.scrollIntoView(begin, { y: 'center' }) });
  view.focus();
  return view;
}
