// The next edit: what was just typed made something else wrong; the daemon says where and what belongs there. It is shown
// at its place. Tab goes there, Tab again takes it and shows the next; Escape turns it down. Grey text comes first.
import { LSPPlugin, type LSPClient } from '@codemirror/lsp-client';
import { Prec, StateEffect, StateField, type EditorState, type Extension, type Range } from '@codemirror/state';
import { Decoration, EditorView, ViewPlugin, WidgetType, keymap, type ViewUpdate } from '@codemirror/view';

/** Milliseconds without a key before it is looked for. */
const QUIET = 600;
/** Characters of a text in which it is looked for unasked: reading a longer one takes a while. */
const LONGEST = 200_000;

interface Position {
  line: number;
  character: number;
}
interface Edit {
  text: string;
  range: { start: Position; end: Position };
  command: { command: string; arguments?: unknown[] };
}

/** [from, to) should read `edit.text`. */
interface Next {
  from: number;
  to: number;
  edit: Edit;
}

const show = StateEffect.define<Next | null>();

class Words extends WidgetType {
  constructor(
    readonly text: string,
    readonly name: string,
  ) {
    super();
  }
  override eq(other: Words): boolean {
    return other.text === this.text && other.name === this.name;
  }
  override toDOM(): HTMLElement {
    const made = document.createElement('span');
    made.className = this.name;
    made.textContent = this.text;
    return made;
  }
}

const next = StateField.define<Next | null>({
  create: () => null,
  update(value, transaction) {
    for (const effect of transaction.effects) if (effect.is(show)) return effect.value;
    return transaction.docChanged ? null : value; // it was for another text
  },
  provide: (field) => EditorView.decorations.from(field, (value) => (view: EditorView) => (value === null ? Decoration.none : drawn(view.state, value))),
});

function here(state: EditorState, value: Next): boolean {
  const line = state.doc.lineAt(value.from).number;
  return state.doc.lineAt(state.selection.main.head).number === line;
}

function drawn(state: EditorState, value: Next) {
  const { doc, selection } = state;
  const at = doc.lineAt(value.from);
  const end = doc.lineAt(value.to).to;
  const marks: Range<Decoration>[] = [];
  if (value.from < value.to) marks.push(Decoration.mark({ class: 'next-old' }).range(value.from, value.to));
  marks.push(Decoration.widget({ widget: new Words(value.edit.text.trimStart(), 'next-new'), side: 1 }).range(end));
  const caret = doc.lineAt(selection.main.head);
  const hint = here(state, value) ? 'Tab takes it' : `${at.number > caret.number ? '↓' : '↑'} next edit in line ${at.number}: Tab`;
  marks.push(Decoration.widget({ widget: new Words(hint, 'next-hint'), side: 2 }).range(caret.to));
  return Decoration.set(marks, true);
}

export function nextEdit(client: LSPClient): Extension {
  const execute = (command: string, edit: Edit) =>
    void client.request('workspace/executeCommand', { command, arguments: edit.command.arguments ?? [] }).catch(() => {});

  const asking = ViewPlugin.fromClass(
    class {
      private timer = 0;
      private params: object | null = null;

      constructor(private readonly view: EditorView) {}

      update(update: ViewUpdate): void {
        if (!update.docChanged) return;
        this.params = null;
        clearTimeout(this.timer);
        const typed = update.transactions.some((one) => one.isUserEvent('input') || one.isUserEvent('delete'));
        if (typed && update.state.doc.length <= LONGEST) this.later(QUIET, 2);
      }

      later(wait: number, trigger: 1 | 2): void {
        clearTimeout(this.timer);
        this.timer = window.setTimeout(() => void this.ask(trigger), wait);
      }

      async ask(trigger: 1 | 2): Promise<void> {
        const { view } = this;
        const plugin = LSPPlugin.get(view);
        if (plugin === null || !client.connected) return;
        client.sync();
        const { doc, selection } = view.state;
        const params = {
          textDocument: { uri: plugin.uri },
          position: plugin.toPosition(selection.main.head),
          context: { triggerKind: trigger },
        };
        this.params = params;
        let edit: Edit | undefined;
        try {
          edit = (await client.request<typeof params, { edits: Edit[] }>('textDocument/copilotInlineEdit', params)).edits[0];
        } catch {
          return; // overtaken
        }
        if (this.params !== params || view.state.doc !== doc || edit === undefined) return;
        const value = { from: plugin.fromPosition(edit.range.start, doc), to: plugin.fromPosition(edit.range.end, doc), edit };
        const said = `Next edit in line ${doc.lineAt(value.from).number}. Tab goes there, Escape sends it away.`;
        view.dispatch({ effects: [show.of(value), EditorView.announce.of(said)] });
        client.notification('textDocument/didShowInlineEdit', { item: { command: edit.command } });
      }

      destroy(): void {
        clearTimeout(this.timer);
      }
    },
  );

  /** Goes to the place, or takes what is shown there. */
  const take = (view: EditorView): boolean => {
    const value = view.state.field(next);
    if (value === null || !view.state.selection.main.empty) return false;
    const text = value.edit.text;
    const anchor = value.from + text.length - text.trimStart().length;
    if (!here(view.state, value)) {
      const at = Math.min(anchor, view.state.doc.lineAt(value.from).to);
      view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: 'center' }) });
      return true;
    }
    view.dispatch({
      changes: { from: value.from, to: value.to, insert: text },
      selection: { anchor },
      effects: show.of(null),
      userEvent: 'next.edit',
      scrollIntoView: true,
    });
    execute('kvlsp.accepted', value.edit);
    view.plugin(asking)?.later(0, 1);
    return true;
  };
  const dismiss = (view: EditorView): boolean => {
    const value = view.state.field(next);
    if (value === null) return false;
    view.dispatch({ effects: show.of(null) });
    execute('kvlsp.rejected', value.edit);
    return true;
  };
  const ask = (view: EditorView): boolean => {
    view.plugin(asking)?.later(0, 1);
    return true;
  };
  const keys = [
    { key: 'Tab', run: take },
    { key: 'Escape', run: dismiss },
    { key: 'Alt-n', run: ask },
  ];
  return [next, asking, Prec.high(keymap.of(keys))];
}
