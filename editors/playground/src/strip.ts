// The last turns of the engine: a bar for each, as high as it took long, coloured by what it did.
import type { Turn } from './view';
import { milliseconds, some } from './words';

export const TURNS = 200;

const COLOURS: Record<string, string> = { tokenize: '--part-tokenize', move: '--part-move', encode: '--part-encode', decode: '--part-decode' };
const HIGHEST = 60; // milliseconds of a full bar; what takes longer is cut off

export class Strip {
  private turns: Turn[] = [];

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly tell: (sentence: string) => void,
  ) {
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement!);
    canvas.addEventListener('pointermove', (event) => this.point(event.offsetX));
    canvas.addEventListener('pointerleave', () => this.tell(this.summary()));
  }

  add(turns: Turn[], again: boolean): void {
    this.turns = (again ? turns : [...this.turns, ...turns]).slice(-TURNS);
    this.draw();
    this.tell(this.summary());
  }

  draw(): void {
    const { canvas } = this;
    const width = canvas.parentElement!.clientWidth - 28;
    const height = 56;
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext('2d')!;
    const style = getComputedStyle(document.documentElement);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const step = width / TURNS;
    this.turns.forEach((turn, index) => {
      const x = width - (this.turns.length - index) * step;
      let top = height;
      const bar = (ms: number, colour: string) => {
        const tall = Math.min(height, (Math.sqrt(Math.max(0, ms)) / Math.sqrt(HIGHEST)) * height * (ms > 0 ? 1 : 0));
        context.fillStyle = style.getPropertyValue(colour);
        context.fillRect(x, Math.max(0, height - tall), Math.max(1, step - 1), tall);
        top -= tall;
      };
      const parts = Object.keys(COLOURS).map((name) => [name, partOf(turn, name)] as const).filter(([, ms]) => ms > 0);
      bar(turn[2], '--part-other');
      let left = parts.reduce((sum, [, ms]) => sum + ms, 0);
      for (const [name, ms] of parts) {
        bar(left, COLOURS[name]);
        left -= ms;
      }
    });
  }

  private point(x: number): void {
    const step = this.canvas.clientWidth / TURNS;
    const turn = this.turns[this.turns.length - Math.ceil((this.canvas.clientWidth - x) / step)];
    if (turn === undefined) return;
    const phases = turn[3].filter((phase) => phase[3] >= 0.05).slice(0, 6);
    const said = phases.map((phase) => `${phase[1]}${phase[4] ? ` (${phase[4]})` : ''} ${milliseconds(phase[3])}`);
    this.tell(`Turn ${turn[0]}: ${milliseconds(turn[2])} — ${said.join(', ') || 'next to nothing'}`);
  }

  private summary(): string {
    const forwards = this.turns.reduce((sum, turn) => sum + turn[3].filter((phase) => phase[1] === 'encode' || phase[1] === 'decode').length, 0);
    const longest = Math.max(0, ...this.turns.map((turn) => turn[2]));
    return this.turns.length === 0 ? '' : `${some(this.turns.length, 'turn')}, ${some(forwards, 'forward')}, the longest ${milliseconds(longest)}`;
  }
}

function partOf(turn: Turn, name: string): number {
  return turn[3].reduce((sum, phase) => (phase[1] === name ? sum + phase[3] : sum), 0);
}
