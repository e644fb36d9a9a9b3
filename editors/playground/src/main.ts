// The page: an editor on the left, what the engine does and holds on the right.
import { LSPClient } from '@codemirror/lsp-client';
import type { EditorView } from '@codemirror/view';

import { showGesture, showMemory, element } from './cards';
import { Cells, LOOKS, type Look } from './cells';
import { Connection, type State } from './connection';
import { openEditor, type Onlooking, type Opened } from './editor';
import { Gestures, type Gesture } from './gesture';
import { asker } from './ghost';
import { nameOf } from './naming';
import { Strip } from './strip';
import { Tokens } from './tokens';
import { within } from './way';
import { UNKNOWN, unpacked, type Rows, type View } from './view';
import { answerSentence, count, some, visible } from './words';

const WORDS: Record<Look, string> = {
  exact: 'exact', stale: 'missed a change', staler: 'missed many', encoded: 'encoded', repaired: 'repaired', moved: 'moved',
  refreshed: 'made exact', adopted: 'accepted', copied: 'copied', waiting: 'waiting', generated: 'suggested', drafted: 'drafted',
  context: 'other files', marker: 'marker',
};

const $ = <T extends HTMLElement>(id: string): T => document.querySelector<T>(`#${id}`)!;

class Page {
  view: View | null = null;
  gesture: Gesture | null = null;
  private uri = '';
  private since = -1;
  private watching = false;
  private round = 0;
  private drawn = true;
  private readonly gestures = new Gestures();
  private readonly client = new LSPClient({
    timeout: 180_000,
    initializationOptions: { nextEdit: 'on', status: true },
    notificationHandlers: { 'kvlsp/status': (_client, params) => this.status(params), 'window/showMessage': (_client, params) => this.say(params.message) },
    extensions: [{ clientCapabilities: { textDocument: { inlineCompletion: { dynamicRegistration: false } } } }],
  });
  private readonly tokens = new Tokens(this.client, () => this.draw());
  readonly cells = new Cells($<HTMLCanvasElement>('cells'), $('grid'), (row) => this.point(row));
  private readonly strip = new Strip($<HTMLCanvasElement>('strip'), (sentence) => ($('turn').textContent = sentence));
  private readonly connection = new Connection(this.client, (state) => this.connected(state));
  editor: EditorView | null = null;

  async begin(): Promise<void> {
    const opened = within === null ? ((await (await fetch('document')).json()) as Opened | Onlooking) : ({ inspect: true } as Onlooking);
    this.legend();
    $('theme').addEventListener('click', () => this.theme());
    document.addEventListener('visibilitychange', () => void this.watch());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.restyle());
    if (opened.inspect) {
      document.body.classList.add('inspect');
      document.title = 'kvlsp';
    } else {
      this.open(opened);
    }
    if (within !== null) this.follow();
    this.connection.open();
  }

  /** An editor of the page's own. */
  private open(opened: Opened): void {
    this.uri = opened.uri;
    $('file').textContent = opened.name;
    $('note').textContent = opened.sample ? 'code of kvlsp’s own; what you type is written nowhere' : 'what you type is written nowhere';
    document.title = `${opened.name} – kvlsp`;
    this.editor = openEditor(this.client, opened, () => {});
    this.gesturesOf(this.editor);
  }

  // --- the daemon ------------------------------------------------------------------------------------------

  private connected(state: State): void {
    if (state === 'open') {
      this.since = -1;
      this.round++; // what the daemon before was asked is never answered
      this.watching = false;
      this.tokens.forget();
      if (this.editor === null) this.state('ready', 'looking on');
      void this.watch();
      this.editor?.focus();
    } else {
      this.state(state === 'gone' ? 'error' : 'loading', state === 'gone' ? 'the daemon has gone; trying again' : 'connecting');
    }
  }

  private status(params: { kind: string; message: string; percent?: number | null }): boolean {
    const percent = typeof params.percent === 'number' ? ` ${Math.round(params.percent)} %` : '';
    this.state(params.kind, params.kind === 'ready' ? 'ready' : `${params.message}${percent}`);
    return true;
  }

  private state(kind: string, words: string): void {
    $('state').dataset.kind = kind;
    $('state').querySelector('.words')!.textContent = words;
  }

  private say(message: string): boolean {
    $('answer').textContent = message;
    return true;
  }

  /** One question after the other, as long as the page is seen. */
  private async watch(): Promise<void> {
    if (this.watching || document.hidden) return;
    this.watching = true;
    const round = this.round;
    try {
      while (this.client.connected && !document.hidden) {
        const answer = await this.client.request<object, Parameters<typeof unpacked>[0]>('kvlsp/watch', { since: this.since });
        if (round !== this.round) return;
        this.show(unpacked(answer));
      }
    } catch {
      if (round === this.round && this.client.connected) setTimeout(() => void this.watch(), 1000);
    } finally {
      if (round === this.round) this.watching = false;
    }
  }

  // --- what is shown ---------------------------------------------------------------------------------------

  private show(view: View): void {
    const again = this.since < 0 || view.turn < this.since;
    if (this.view !== null && this.view.model !== view.model) this.tokens.forget();
    this.since = view.turn;
    this.view = view;
    this.gestures.add(view);
    this.strip.add(view.turns, again);
    if (view.document !== null) void this.tokens.learn([...view.document.ids, ...view.document.generated]);
    this.draw();
  }

  documentState(): Promise<object> {
    return this.client.request('kvlsp/documentState', { uri: this.uri });
  }

  statistics(): Promise<object> {
    return this.client.request('kvlsp/statistics', {});
  }

  draw(): void {
    if (!this.drawn) return;
    this.drawn = false;
    requestAnimationFrame(() => {
      this.drawn = true;
      this.drawNow();
    });
  }

  private drawNow(): void {
    const view = this.view;
    if (view === null) return;
    this.gesture = this.gestures.latest(view);
    $('model').textContent = view.model;
    showGesture(this.gesture, view);
    showMemory(view);
    const said = answerSentence(view.last);
    if (said) $('answer').textContent = said;
    if (view.document !== null) {
      this.cells.show(view.document, this.gesture);
      $('rows').textContent = summary(view.document);
      if (this.editor === null) $('held').textContent = nameOf(view.document.uri);
    }
    document.documentElement.dataset.turn = String(view.turn);
  }

  private point(row: number): void {
    const rows = this.view?.document;
    const gesture = this.gesture;
    if (!rows || !gesture || row < 0) {
      $('token').textContent = 'Point at a cell, or walk with the arrow keys.';
      return;
    }
    const generated = row - rows.rows;
    const id = generated >= 0 ? rows.generated[generated] : rows.ids[row];
    const text = visible(this.tokens.of(id) ?? `token ${id}`);
    $('token').replaceChildren(element('code', '', text), ` ${generated >= 0 ? suggested(rows, generated) : described(rows, row, this.view!.stroke)}`);
  }

  private legend(): void {
    $('legend').replaceChildren(...LOOKS.filter((look) => !['staler', 'copied', 'marker', 'waiting'].includes(look))
      .map((look) => element('span', `look ${look}`, WORDS[look])), element('span', 'look frontier', 'frontier'), element('span', 'look caret', 'caret'));
  }

  private theme(): void {
    const dark = document.documentElement.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
    document.documentElement.dataset.theme = dark === 'dark' ? 'light' : 'dark';
    this.restyle();
  }

  /** Within VS Code: its colours are dark or light, whatever the system's are. */
  private follow(): void {
    const { classList, dataset } = document.body;
    const look = () => {
      const light = classList.contains('vscode-light') || dataset.vscodeThemeKind?.endsWith('light') === true;
      document.documentElement.dataset.theme = light ? 'light' : 'dark';
      this.restyle();
    };
    new MutationObserver(look).observe(document.body, { attributeFilter: ['class', 'data-vscode-theme-kind'] });
    look();
  }

  private restyle(): void {
    this.cells.restyle();
    this.strip.draw();
  }

  // --- gestures to try -------------------------------------------------------------------------------------

  private gesturesOf(view: EditorView): void {
    const ask = () => {
      view.state.facet(asker)[0]?.(view);
      view.focus();
    };
    const above = (lines: number) => {
      const here = view.state.doc.lineAt(view.state.selection.main.head).number;
      return view.state.doc.line(Math.max(1, here - lines));
    };
    $('line-above').addEventListener('click', () => {
      const line = above(100);
      view.dispatch({ changes: { from: line.from, insert: `${/^\s*/.exec(line.text)![0]}# noted: this was looked at today\n` } });
      ask();
    });
    $('delete-above').addEventListener('click', () => {
      const line = above(80);
      view.dispatch({ changes: { from: line.from, to: Math.min(view.state.doc.length, line.to + 1) } });
      ask();
    });
    $('jump').addEventListener('click', () => {
      const { doc, selection } = view.state;
      const here = doc.lineAt(selection.main.head).number;
      const line = doc.line(here > doc.lines / 2 ? Math.max(1, Math.floor(here / 3)) : Math.min(doc.lines, Math.floor(here * 2) + 10));
      view.dispatch({ selection: { anchor: line.to }, scrollIntoView: true });
      ask();
    });
  }
}

function summary(rows: Rows): string {
  const stale = rows.rows - rows.frontier;
  const unread = rows.unread > 0 ? `, ${count(rows.unread)} characters still to be read` : '';
  if (rows.rows === 0) return `nothing resident yet${unread}`;
  return `${some(rows.rows, 'token')} resident, ${stale === 0 ? 'all exact' : `${count(stale)} not exact`}${unread}`;
}

function described(rows: Rows, row: number, now: number): string {
  const serial = rows.cells[row] >= 0 ? `serial ${rows.cells[row]}` : 'not of the document';
  const age = rows.written[row] > 0 ? `written ${ago(now - rows.written[row])}` : 'written before you looked';
  const state = row < rows.frontier ? 'exact' : rows.changes[row] > 0 ? `missed ${some(rows.changes[row], 'change')}` : 'not exact';
  const likely = rows.likely[row] === UNKNOWN ? 'how likely it was is not known' : `${likelihood(rows.likely[row])} likely here`;
  return `position ${row}, ${serial}, ${age}, ${state}, ${likely}`;
}

/** Hundredths of a nat below certainty, as a share. */
function likelihood(below: number): string {
  const share = 100 * Math.exp(-below / 100);
  return share >= 0.1 ? `${share.toFixed(share >= 10 ? 0 : 1)} %` : 'less than 0.1 %';
}

function suggested(rows: Rows, place: number): string {
  return `suggested, token ${place + 1} of ${rows.generated.length}${rows.copied.includes(place) ? ', drafted from the file and accepted' : ''}`;
}

function ago(strokes: number): string {
  return strokes === 0 ? 'with this key' : `${some(strokes, 'key')} ago`;
}

/** For who drives the page from outside: tests, and scripts that make pictures. */
declare global {
  interface Window {
    kvlsp: Page;
  }
}

window.kvlsp = new Page();
void window.kvlsp.begin();
