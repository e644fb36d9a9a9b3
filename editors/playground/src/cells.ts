// The resident rows as cells, in the order in which the model sees them, on a canvas. Ten thousand are drawn in a few
// milliseconds: colour by colour, and only those that are in sight.
import type { Gesture } from './gesture';
import { Origin, type Rows } from './view';
import { count } from './words';

export const LOOKS = ['exact', 'stale', 'staler', 'encoded', 'repaired', 'moved', 'refreshed', 'adopted', 'copied', 'waiting',
  'generated', 'drafted', 'context', 'marker'] as const;
export type Look = (typeof LOOKS)[number];

/** What lights up when it has happened. */
const FLASHING: ReadonlySet<Look> = new Set<Look>(['encoded', 'repaired', 'moved', 'adopted', 'drafted', 'generated']);
const MANY = 64; // changes missed from which on a row counts as far behind
const CONTEXT = -(1 << 20);
const HEADING = 22;

interface Section {
  title: string;
  first: number;
  end: number;
  top: number;
}

interface Shown {
  rows: Rows;
  looks: Uint8Array;
  sections: Section[];
  total: number;
}

const number = (look: Look): number => LOOKS.indexOf(look);

/** How each row looks, and those that were generated behind them. */
export function looksOf(rows: Rows, gesture: Gesture): Uint8Array {
  const looks = new Uint8Array(rows.rows + rows.generated.length);
  const first = Math.max(1, gesture.first); // 0: not since somebody looks
  for (let row = 0; row < rows.rows; row++) {
    const now = rows.written[row] >= first;
    const origin = rows.origin[row];
    let look: Look = row < rows.frontier ? 'exact' : rows.changes[row] >= MANY ? 'staler' : 'stale';
    if (rows.cells[row] < 0) look = rows.cells[row] <= CONTEXT ? 'context' : 'marker';
    if (origin === Origin.waiting) look = 'waiting';
    else if (now && origin === Origin.encoded) look = 'encoded';
    else if (now && origin === Origin.adopted) look = 'adopted';
    else if (now && origin === Origin.copied) look = 'copied';
    else if (now && origin === Origin.repaired) look = 'repaired';
    else if (now && origin === Origin.refreshed) look = row < rows.frontier ? 'refreshed' : 'repaired';
    else if (rows.moved[row] >= first && rows.cells[row] >= 0) look = 'moved';
    looks[row] = number(look);
  }
  rows.generated.forEach((_, index) => (looks[rows.rows + index] = number('generated')));
  for (const place of rows.copied) if (place < rows.generated.length) looks[rows.rows + place] = number('drafted');
  return looks;
}

/** Stretches of rows that belong together, in layout order. */
function sectionsOf(rows: Rows): Section[] {
  const [first, end] = rows.prefix;
  const before = (row: number) => row >= first && row < end;
  const sections: Section[] = [];
  let title = '';
  for (let row = 0; row < rows.rows; row++) {
    const cell = rows.cells[row];
    const here = cell <= CONTEXT ? 'Other files' : cell < 0 ? title || 'After the caret' : before(row) ? 'Before the caret' : 'After the caret';
    if (here !== title || sections.length === 0) sections.push({ title: here, first: row, end: row, top: 0 });
    title = here;
    sections[sections.length - 1].end = row + 1;
  }
  if (rows.generated.length > 0) {
    sections.push({ title: 'Suggested', first: rows.rows, end: rows.rows + rows.generated.length, top: 0 });
  }
  return sections;
}

export class Cells {
  private shown: Shown | null = null;
  private size = 8;
  private columns = 1;
  private colours: string[] = [];
  private chosen = -1;
  private brightness = 1;
  private animation = 0;
  private previous = '';

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly box: HTMLElement,
    private readonly tell: (row: number) => void,
  ) {
    new ResizeObserver(() => this.draw()).observe(box);
    box.addEventListener('scroll', () => this.draw());
    box.addEventListener('pointermove', (event) => this.choose(this.rowAt(event)));
    box.addEventListener('pointerleave', () => this.choose(-1));
    box.addEventListener('keydown', (event) => this.walk(event));
  }

  show(rows: Rows, gesture: Gesture): void {
    const looks = looksOf(rows, gesture);
    this.shown = { rows, looks, sections: sectionsOf(rows), total: looks.length };
    const key = `${gesture.first}`;
    if (key !== this.previous && !matchMedia('(prefers-reduced-motion: reduce)').matches) this.flash();
    this.previous = key;
    this.draw();
    if (this.chosen >= 0) this.tell(this.chosen);
  }

  /** How many of the cells look so. */
  count(look: Look): number {
    return this.shown?.looks.reduce((sum, one) => sum + Number(one === number(look)), 0) ?? 0;
  }

  /** Colours have changed. */
  restyle(): void {
    this.colours = [];
    this.draw();
  }

  /** What has happened lights up, and settles. */
  private flash(): void {
    cancelAnimationFrame(this.animation);
    const began = performance.now();
    const step = (now: number) => {
      this.brightness = Math.max(1, 1.9 - (now - began) / 500);
      this.draw();
      if (this.brightness > 1) this.animation = requestAnimationFrame(step);
    };
    this.animation = requestAnimationFrame(step);
  }

  private layOut(width: number, height: number, shown: Shown): number {
    const headings = shown.sections.length * HEADING;
    const room = Math.max(40, height - headings - 8);
    this.size = Math.max(5, Math.min(15, Math.floor(Math.sqrt((width * room) / Math.max(1, shown.total)))));
    for (;;) {
      this.columns = Math.max(1, Math.floor(width / this.size));
      let top = 0;
      for (const section of shown.sections) {
        section.top = top + HEADING;
        top = section.top + Math.ceil((section.end - section.first) / this.columns) * this.size + 4;
      }
      if (top <= height || this.size <= 5) return Math.max(top, height);
      this.size--;
    }
  }

  draw(): void {
    const shown = this.shown;
    if (shown === null) return;
    const width = this.box.clientWidth;
    const height = this.layOut(width, this.box.clientHeight, shown);
    const ratio = devicePixelRatio || 1;
    const { canvas } = this;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    const context = canvas.getContext('2d')!;
    const style = getComputedStyle(document.documentElement);
    if (this.colours.length === 0) this.colours = LOOKS.map((look) => style.getPropertyValue(`--${look}`).trim());
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = '600 10.5px system-ui, sans-serif';
    context.textBaseline = 'alphabetic';
    context.fillStyle = style.getPropertyValue('--quiet');
    for (const section of shown.sections) {
      context.fillText(`${section.title.toUpperCase()}  ·  ${count(section.end - section.first)}`, 1, section.top - 7);
    }
    const gap = this.size > 8 ? 2 : 1;
    const side = this.size - gap;
    const flash = style.getPropertyValue('--flash');
    this.inSight(shown).forEach((corners, look) => {
      const fill = () => {
        for (let at = 0; at < corners.length; at += 2) context.fillRect(corners[at], corners[at + 1], side, side);
      };
      context.fillStyle = context.strokeStyle = this.colours[look];
      if (LOOKS[look] !== 'waiting') fill();
      else for (let at = 0; at < corners.length; at += 2) context.strokeRect(corners[at], corners[at + 1], side, side);
      if (this.brightness > 1 && FLASHING.has(LOOKS[look])) {
        context.globalAlpha = this.brightness - 1;
        context.fillStyle = flash;
        fill();
        context.globalAlpha = 1;
      }
    });
    this.mark(context, shown, shown.rows.frontier, style.getPropertyValue('--frontier'));
    this.mark(context, shown, shown.rows.prefix[1], style.getPropertyValue('--caret'));
    const box = this.boxOf(this.chosen);
    if (box !== null) {
      context.strokeStyle = style.getPropertyValue('--text');
      context.lineWidth = 1.5;
      context.strokeRect(box.x - 1, box.y - 1, side + 2, side + 2);
    }
  }

  /** By look the corners x, y of the cells that are not scrolled out of sight. */
  private inSight(shown: Shown): number[][] {
    const corners: number[][] = LOOKS.map(() => []);
    const { scrollTop, clientHeight } = this.box;
    for (const section of shown.sections) {
      const line = (y: number) => Math.floor((y - section.top) / this.size);
      const first = section.first + Math.max(0, line(scrollTop) - 1) * this.columns;
      const end = Math.min(section.end, section.first + Math.max(0, line(scrollTop + clientHeight) + 2) * this.columns);
      for (let row = first; row < end; row++) {
        const place = row - section.first;
        corners[shown.looks[row]].push((place % this.columns) * this.size, section.top + Math.floor(place / this.columns) * this.size);
      }
    }
    return corners;
  }

  /** A bar in front of the row: all before it is exact, or here stands the caret. */
  private mark(context: CanvasRenderingContext2D, shown: Shown, row: number, colour: string): void {
    if (row <= 0) return;
    const box = this.boxOf(Math.min(row, shown.rows.rows) - 1);
    if (box === null) return;
    context.fillStyle = colour;
    context.fillRect(box.x + this.size - (this.size > 8 ? 2.5 : 2), box.y - 2, 2.5, this.size + 2);
  }

  private boxOf(row: number): { x: number; y: number } | null {
    const section = this.shown?.sections.find((one) => row >= one.first && row < one.end);
    if (section === undefined) return null;
    const place = row - section.first;
    return { x: (place % this.columns) * this.size, y: section.top + Math.floor(place / this.columns) * this.size };
  }

  private rowAt(event: PointerEvent): number {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    for (const section of this.shown?.sections ?? []) {
      const line = Math.floor((y - section.top) / this.size);
      const column = Math.floor(x / this.size);
      const row = section.first + line * this.columns + column;
      if (line >= 0 && column >= 0 && column < this.columns && row < section.end && y >= section.top) return row;
    }
    return -1;
  }

  private walk(event: KeyboardEvent): void {
    const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns };
    const total = this.shown?.total ?? 0;
    let row = this.chosen;
    if (event.key === 'Home') row = 0;
    else if (event.key === 'End') row = total - 1;
    else if (event.key in steps) row = Math.max(0, Math.min(total - 1, row < 0 ? 0 : row + steps[event.key]));
    else return;
    event.preventDefault();
    this.choose(row);
    const box = this.boxOf(row);
    if (box !== null && (box.y < this.box.scrollTop || box.y > this.box.scrollTop + this.box.clientHeight - this.size)) {
      this.box.scrollTop = box.y - this.box.clientHeight / 2;
    }
  }

  private choose(row: number): void {
    if (row === this.chosen) return;
    this.chosen = row;
    this.tell(row);
    this.draw();
  }
}
