// What `kvlsp/watch` answers (kvlsp/engine/watching.py), with its arrays unpacked.

/** How a row came to what it is; the numbers of kvlsp/cache/witness.py. */
export const Origin = { unknown: 0, encoded: 1, repaired: 2, refreshed: 3, adopted: 4, copied: 5, waiting: 6 } as const;

export const UNKNOWN = 65535;

export type Kind = 'open' | 'edit' | 'caret';

export interface Stroke {
  number: number;
  kind: Kind;
  uri: string;
  at: number;
  inserted: number;
  removed: number;
  forwards: number;
  rows: Record<string, number>;
  ms: Record<string, number>;
  answer: Record<string, number | string | null> | null;
}

export type Phase = [depth: number, name: string, after: number, ms: number, rows: number];
export type Turn = [number: number, at: number, ms: number, phases: Phase[]];

export interface Rows {
  uri: string;
  order: string;
  rows: number;
  frontier: number;
  prefix: [number, number];
  tokens: number;
  unread: number;
  ids: Int32Array;
  cells: Int32Array;
  changes: Uint16Array;
  origin: Int8Array;
  written: Int32Array;
  moved: Int32Array;
  /** In hundredths of a nat below certainty; UNKNOWN where that is not known. */
  likely: Uint16Array;
  generated: number[];
  copied: number[];
  generating: boolean;
}

export interface Held {
  uri: string;
  current: boolean;
  tokens: number;
  rows: number;
  stale: number;
  bytes: number;
  hostBytes: number;
}

export interface View {
  turn: number;
  stroke: number;
  model: string;
  secondsPerRow: number | null;
  documents: Held[];
  memory: { bound: number; hostBound: number; chunks: number; chunkBytes: number; disk: number | null; diskBound: number };
  turns: Turn[];
  strokes: Stroke[];
  last: Record<string, number | string | null>;
  document: Rows | null;
}

type Packed = Record<string, unknown> & { document: Record<string, unknown> | null };

/** The answer as it came, made a view. */
export function unpacked(answer: Packed): View {
  const packed = answer.document;
  if (packed === null) return answer as unknown as View;
  const bytes = (name: string) => Uint8Array.from(atob(packed[name] as string), (c) => c.charCodeAt(0)).buffer;
  const document = {
    ...packed,
    ids: new Int32Array(bytes('ids')),
    cells: new Int32Array(bytes('cells')),
    changes: new Uint16Array(bytes('changes')),
    origin: new Int8Array(bytes('origin')),
    written: new Int32Array(bytes('written')),
    moved: new Int32Array(bytes('moved')),
    likely: new Uint16Array(bytes('likely')),
  };
  return { ...answer, document } as unknown as View;
}
