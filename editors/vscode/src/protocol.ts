// What kvlsp's daemon says beyond the language server protocol.

/** How the last request went. Without items there is a reason. */
export interface LastAnswer {
  items: number;
  reason: string | null;
  report: Record<string, unknown>;
}

/** `kvlsp/status`. */
export interface Status {
  kind: 'loading' | 'ready' | 'computing' | 'paused' | 'error' | 'stopped';
  message: string;
  percent?: number | null;
  detail?: Record<string, unknown>;
  last?: LastAnswer | null;
  /** What is wrong with the workspace, as sentences, as long as it is. */
  problems?: string[];
}

/** One of the edits of `textDocument/copilotInlineEdit`: a line that should stand in another's place. */
export interface NextEdit {
  text: string;
  range: { start: { line: number; character: number }; end: { line: number; character: number } };
  command: { title: string; command: string; arguments?: unknown[] };
}

/** A model that could be chosen, of the answer to `kvlsp.models`: see `kvlsp models --json`. */
export interface ModelEntry {
  name: string;
  here: boolean;
  diskBytes: number;
  weightBytes: number | null;
  cacheBytes: number | null;
  keyMs: number | null;
  lineMs: number | null;
  licence: string;
  remark: string;
  problem: string;
  recommended: boolean;
}

export interface Models {
  models: ModelEntry[];
  /** The one in use; empty: the default model. */
  model: string;
}

export const NEXT_EDIT = 'textDocument/copilotInlineEdit';
export const NEXT_EDIT_SHOWN = 'textDocument/didShowInlineEdit';
export const STATUS = 'kvlsp/status';
export const EXECUTE = 'workspace/executeCommand';
export const STATISTICS = 'kvlsp/statistics';
export const DOCUMENT_STATE = 'kvlsp/documentState';
/** What an onlooker may ask. */
export const READS = ['kvlsp/watch', 'kvlsp/tokens', STATISTICS, DOCUMENT_STATE];

/** What a command says that needs a daemon. */
export const NOT_RUNNING =
  'kvlsp: the daemon is not running. The command "kvlsp: Restart the Daemon" starts it; its log says why it ended.';

/** Reasons of an empty answer, as sentences for people; others are shown as they came. */
export const REASONS: Record<string, string> = {
  deadline: 'no complete line was ready in time',
  nothing_to_say: 'the model has nothing to add here',
  wrong_place: 'no suggestions inside a word',
  repeats_suffix: 'the suggestion already stands below',
  looping: 'the model only repeated the lines above',
  low_confidence: 'below the confidence you set',
  unknown_language: 'the model has not learned this language',
  rejected_before: 'you dismissed it here before',
  not_ready: 'the model is not loaded yet',
  unknown_document: 'the daemon does not know this document',
  stale_version: 'the text changed meanwhile',
  disabled: 'switched off',
  limit: 'the engine of your team allows you no more for now',
  model_error: 'the model failed; it starts afresh with the next request',
};
