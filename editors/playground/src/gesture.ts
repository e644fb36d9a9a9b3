// What a person did: a key and the move of the caret that it brings with it are one.
import type { Rows, Stroke, View } from './view';

/** Seconds within which a move of the caret belongs to the edit before it. */
const TOGETHER = 0.4;

export interface Gesture {
  first: number;
  title: string;
  rows: Record<string, number>;
  ms: Record<string, number>;
  total: number;
}

/** Strokes whose layouts are remembered, to be compared with those of later ones. */
const LAYOUTS = 8;

export class Gestures {
  private strokes = new Map<number, Stroke>();
  private layouts = new Map<number, Int32Array>();

  add(view: View): void {
    if (view.stroke < Math.max(0, ...this.strokes.keys())) {
      this.strokes.clear(); // another engine
      this.layouts.clear();
    }
    if (view.document !== null) this.layouts.set(view.stroke, view.document.ids);
    while (this.layouts.size > LAYOUTS) this.layouts.delete(this.layouts.keys().next().value!);
    for (const stroke of view.strokes) this.strokes.set(stroke.number, stroke);
    while (this.strokes.size > 64) this.strokes.delete(this.strokes.keys().next().value!);
  }

  /** The strokes that are still under way. */
  latest(view: View): Gesture {
    const strokes = [...this.strokes.values()].sort((a, b) => b.number - a.number).filter((one) => one.number > 0);
    const mine: Stroke[] = [];
    for (const stroke of strokes) {
      const next = mine.at(-1);
      if (next && (next.kind !== 'caret' || stroke.kind !== 'edit' || next.at - stroke.at > TOGETHER)) break;
      mine.push(stroke);
    }
    const rows: Record<string, number> = {};
    const ms: Record<string, number> = {};
    for (const stroke of mine) {
      for (const [name, value] of Object.entries(stroke.rows)) {
        const known = rows[name];
        rows[name] = name === 'kept' ? Math.min(known ?? Infinity, value) : (known ?? 0) + value;
      }
      for (const [name, value] of Object.entries(stroke.ms)) ms[name] = (ms[name] ?? 0) + value;
    }
    const total = Object.entries(ms).reduce((sum, [name, value]) => (name === 'rest' ? sum : sum + value), 0);
    const first = mine.at(-1)?.number ?? view.stroke;
    if (mine.length > 1 && view.document !== null) this.net(rows, first, view.document);
    return { first, title: title(mine.reverse()), rows, ms, total };
  }

  /** The way there and back is one way: a row that was moved twice was moved, and a cache of exact prefixes, which does
   *  nothing before it is asked, meets the layout at the end only. */
  private net(rows: Record<string, number>, first: number, document: Rows): void {
    rows.moved = document.moved.reduce((sum, stroke) => sum + Number(stroke >= first), 0);
    const before = this.layouts.get(Math.max(-1, ...[...this.layouts.keys()].filter((stroke) => stroke < first)));
    if (before === undefined) return;
    const { ids } = document;
    let head = 0;
    while (head < before.length && head < ids.length && before[head] === ids[head]) head++;
    rows.behind = Math.min(rows.behind ?? Infinity, ids.length - head);
  }
}

function title(strokes: Stroke[]): string {
  const stroke = strokes[0];
  if (stroke === undefined) return 'Nothing typed yet';
  const moved = strokes.length > 1 ? ', and the caret went elsewhere' : '';
  if (stroke.kind === 'open') return 'The file was opened';
  if (stroke.kind === 'caret') return 'The caret went elsewhere';
  if (stroke.removed === 0) return `${characters(stroke.inserted)} inserted${moved}`;
  if (stroke.inserted === 0) return `${characters(stroke.removed)} deleted${moved}`;
  return `${characters(stroke.removed)} replaced by ${stroke.inserted}${moved}`;
}

function characters(count: number): string {
  return count === 1 ? 'One character' : `${count.toLocaleString('en')} characters`;
}
