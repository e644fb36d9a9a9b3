// What kvlsp says, as sentences for people.

const REASONS: Record<string, string> = {
  superseded: 'a newer key came',
  cancelled: 'the request was taken back',
  deadline: 'no complete line was ready in time',
  nothing_to_say: 'the model has nothing to add here',
  wrong_place: 'a suggestion would break what stands here',
  repeats_suffix: 'the suggestion already stands below',
  looping: 'the model only repeated the lines above',
  low_confidence: 'the model was not sure enough',
  unknown_language: 'the model has not learned this language',
  rejected_before: 'you sent it away here before',
  not_ready: 'the model is not loaded yet',
  unknown_document: 'the daemon does not know this document',
  stale_version: 'the text changed meanwhile',
  disabled: 'suggestions are switched off',
  limit: 'your team’s engine allows you no more for now',
  model_error: 'the model failed; it starts afresh with the next request',
  shutting_down: 'the daemon ends',
};

export const count = (value: number): string => Math.round(value).toLocaleString('en');

export const some = (value: number, one: string, many = `${one}s`): string => `${count(value)} ${value === 1 ? one : many}`;

export function milliseconds(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(0)} s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}

export function bytes(value: number): string {
  if (value >= 1 << 30) return `${(value / (1 << 30)).toFixed(1)} GB`;
  return value >= 1 << 20 ? `${(value / (1 << 20)).toFixed(1)} MB` : `${Math.round(value / 1024)} kB`;
}

/** How the last request went: what came, or why nothing did. */
export function answerSentence(last: Record<string, unknown>): string {
  if (last.latency_ms === undefined) return '';
  const took = milliseconds(Number(last.latency_ms));
  if (last.reason) {
    const unsure = last.reason === 'low_confidence' && last.confidence !== undefined;
    const percent = (100 * Number(last.confidence)).toPrecision(2);
    const chance = unsure ? ` (a chance of ${percent} % for its first line)` : '';
    return `Nothing offered after ${took}: ${REASONS[String(last.reason)] ?? String(last.reason)}${chance}.`;
  }
  if (last.remembered) return `A suggestion in ${took}, remembered from before.`;
  const parts = [some(Number(last.generated ?? 0), 'token')];
  if (Number(last.accepted) > 0) parts.push(`${count(Number(last.accepted))} of them copied from the file`);
  parts.push(some(Number(last.forwards ?? 0), 'forward'));
  return `A suggestion in ${took}: ${parts.join(', ')}.`;
}

/** A token as one can see it. */
export function visible(text: string): string {
  return text === '' ? '(nothing)' : text.replace(/\n/g, '⏎').replace(/\t/g, '⇥').replace(/ /g, '·');
}
