// Suggestions as grey text behind the caret: asked for when something is typed, taken with Tab, sent away with Escape.
import { LSPPlugin, type LSPClient } from '@codemirror/lsp-client';
import { Prec, StateEffect, StateField, type Extension } from '@codemirror/state';
import { Decoration, EditorView, ViewPlugin, WidgetType, keymap, type ViewUpdate } from '@codemirror/view';

interface Item {
  insertText: string | { value: string };
  range?: { start: Position; end: Position };
  command?: { command: string; arguments?: unknown[] };
}
interface Position {
  line: number;
  character: number;
}

/** Replace [from, to) by `text`; what is shown is what stands behind the caret then. */
interface Ghost {
  from: number;
  to: number;
  text: string;
  item: Item;
}

const show = StateEffect.define<Ghost | null>();

class Grey extends WidgetType {
  constructor(readonly text: string) {
    super();
  }
  override eq(other: Grey): boolean {
    return other.text === this.text;
  }
  override toDOM(): HTMLElement {
    const element = document.createElement('span');
    element.className = 'ghost';
    element.textContent = this.text;
    return element;
  }
}

const ghost = StateField.define<Ghost | null>({
  create: () => null,
  update(value, transaction) {
    for (const effect of transaction.effects) if (effect.is(show)) return effect.value;
    if (value === null || (!transaction.docChanged && !transaction.selection)) return value;
    const caret = transaction.state.selection.main;
    if (!transaction.docChanged) return caret.empty && caret.head === transaction.startState.selection.main.head ? value : null;
    // who types what is suggested sees the rest of it at once
    const to = transaction.changes.mapPos(value.to, 1);
    const typed = transaction.state.doc.sliceString(value.from, to);
    const agrees = caret.head === to && typed.length < value.text.length && value.text.startsWith(typed);
    return agrees ? { ...value, to } : null;
  },
  provide: (field) =>
    EditorView.decorations.from(field, (value) => {
      if (value === null) return Decoration.none;
      return Decoration.set([Decoration.widget({ widget: new Grey(shown(value)), side: 1 }).range(value.to)]);
    }),
});

/** Behind the caret, which stands at `to`. */
function shown(value: Ghost): string {
  return value.text.slice(value.to - value.from);
}

export function ghostText(client: LSPClient, answered: (items: number) => void): Extension {
  const execute = (command: string, item: Item) =>
    void client.request('workspace/executeCommand', { command, arguments: item.command?.arguments ?? [] }).catch(() => {});

  const asking = ViewPlugin.fromClass(
    class {
      private params: object | null = null;
      private readonly view: EditorView;

      constructor(view: EditorView) {
        this.view = view;
      }

      update(update: ViewUpdate): void {
        const typed = update.transactions.some((one) => one.isUserEvent('input') || one.isUserEvent('delete'));
        if (update.docChanged && typed) queueMicrotask(() => void this.ask(2));
        else if (update.docChanged) queueMicrotask(() => client.connected && client.sync());
      }

      async ask(trigger: 1 | 2): Promise<void> {
        const { view } = this;
        const plugin = LSPPlugin.get(view);
        if (plugin === null || !client.connected) return;
        client.sync();
        if (this.params !== null) client.cancelRequest(this.params);
        const { doc, selection } = view.state;
        if (!selection.main.empty) return;
        const head = selection.main.head;
        const params = {
          textDocument: { uri: plugin.uri },
          position: plugin.toPosition(head),
          context: { triggerKind: trigger },
        };
        this.params = params;
        let items: Item[] = [];
        try {
          const answer = await client.request<typeof params, Item[] | { items: Item[] } | null>(
            'textDocument/inlineCompletion', params);
          items = Array.isArray(answer) ? answer : (answer?.items ?? []);
        } catch {
          return; // overtaken
        }
        if (this.params !== params || view.state.doc !== doc || view.state.selection.main.head !== head) return;
        this.params = null;
        answered(items.length);
        const item = items[0];
        if (item === undefined) {
          view.dispatch({ effects: show.of(null) });
          return;
        }
        const text = typeof item.insertText === 'string' ? item.insertText : item.insertText.value;
        const from = item.range ? plugin.fromPosition(item.range.start, doc) : head;
        if (doc.sliceString(from, head) !== text.slice(0, head - from)) return;
        view.dispatch({ effects: show.of({ from, to: head, text, item }) });
        client.notification('textDocument/didShowCompletion', { item });
      }
    },
  );

  const accept = (view: EditorView): boolean => {
    const value = view.state.field(ghost);
    if (value === null) return false;
    const insert = shown(value);
    view.dispatch({
      changes: { from: value.to, insert },
      selection: { anchor: value.to + insert.length },
      effects: show.of(null),
      userEvent: 'input.complete',
      scrollIntoView: true,
    });
    execute('kvlsp.accepted', value.item);
    return true;
  };
  const dismiss = (view: EditorView): boolean => {
    const value = view.state.field(ghost);
    if (value === null) return false;
    view.dispatch({ effects: show.of(null) });
    execute('kvlsp.rejected', value.item);
    return true;
  };
  const ask = (view: EditorView): boolean => {
    void view.plugin(asking)?.ask(1);
    return true;
  };
  const keys = [
    { key: 'Tab', run: accept },
    { key: 'Escape', run: dismiss },
    { key: 'Alt-\\', run: ask },
  ];
  return [ghost, asking, Prec.highest(keymap.of(keys)), asker.of(ask)];
}

import { Facet } from '@codemirror/state';
/** Asks at the caret, by hand. */
export const asker = Facet.define<(view: EditorView) => boolean>();
