// The last key in numbers, beside what a cache of exact prefixes would have done; and the memory.
import type { Gesture } from './gesture';
import { nameOf } from './naming';
import type { View } from './view';
import { bytes, count, milliseconds, some } from './words';

const PARTS: [string, string][] = [['tokenize', 'tokenize'], ['move', 'move'], ['encode', 'encode'], ['decode', 'decode'], ['other', 'plan and the rest']];

/** An element with a class and a text or children. */
export function element(tag: string, name: string, ...children: (string | Node)[]): HTMLElement {
  const made = document.createElement(tag);
  made.className = name;
  made.append(...children);
  return made;
}

function fill(id: string, ...children: (string | Node)[]): void {
  document.querySelector(`#${id}`)!.replaceChildren(...children);
}

/** A bar of a share of its line; its width is set by the stylesheet's custom property. */
function bar(share: number, name: string): HTMLElement {
  const made = element('span', `fill ${name}`);
  made.style.setProperty('--share', `${Math.max(0, Math.min(1, share)) * 100}%`);
  return made;
}

export function showGesture(gesture: Gesture, view: View): void {
  const { rows, ms } = gesture;
  const encoded = (rows.encoded ?? 0) + (rows.repaired ?? 0);
  fill('stroke-title', gesture.title);
  fill('numbers',
    ...[['kept', rows.kept], ['moved', rows.moved], ['encoded', rows.encoded], ['repaired', rows.repaired], ['adopted', rows.adopted], ['copied', rows.copied]]
      .filter(([name, value]) => Number(value ?? 0) > 0 || ['kept', 'moved', 'encoded'].includes(String(name)))
      .map(([name, value]) => {
        const box = element('div', `number ${String(name)}`, element('b', '', count(Number(value ?? 0))), element('span', '', String(name)));
        box.dataset.value = String(value ?? 0);
        return box;
      }));
  const behind = rows.behind ?? 0;
  const most = Math.max(behind, encoded, 1);
  const estimate = view.secondsPerRow === null ? '' : `, at least ${milliseconds(behind * view.secondsPerRow * 1000)}`;
  const mine = (ms.encode ?? 0) + (ms.move ?? 0);
  fill('race',
    line('kvlsp', bar(encoded / most, 'ours'), `encodes ${some(encoded, 'token')}, ${milliseconds(mine)}`),
    line('a cache of exact prefixes', bar(behind / most, 'theirs'), `would encode ${some(behind, 'token')}${estimate}`));
  const whole = Math.max(gesture.total, 0.001);
  const stack = element('div', 'stack');
  for (const [name] of PARTS) {
    const part = bar((ms[name] ?? 0) / whole, `part-${name}`);
    part.title = `${name}: ${milliseconds(ms[name] ?? 0)}`;
    stack.append(part);
  }
  const said = PARTS.filter(([name]) => (ms[name] ?? 0) >= 0.05).map(([name, words]) => element('span', `key part-${name}`, `${words} ${milliseconds(ms[name])}`));
  const rest = ms.rest ? [element('span', 'key part-rest', `later, at rest ${milliseconds(ms.rest)}: ${some(rows.refreshed ?? 0, 'token')} made exact`)] : [];
  fill('parts', stack, element('p', 'keys', element('span', 'total', `${milliseconds(gesture.total)} in all`), ...said, ...rest));
}

function line(name: string, filled: HTMLElement, words: string): HTMLElement {
  return element('div', 'line', element('span', 'name', name), element('span', 'track', filled), element('span', 'words', words));
}

export function showMemory(view: View): void {
  const { bound, chunks, chunkBytes, disk, diskBound } = view.memory;
  const lines = view.documents.filter((one) => one.rows > 0).map((one) => {
    const name = nameOf(one.uri);
    const host = one.hostBytes > 0 ? `, ${bytes(one.hostBytes)} in host memory` : '';
    return line(name, bar(one.bytes / Math.max(bound, one.bytes, 1), 'ours'), `${some(one.rows, 'row')}, ${bytes(one.bytes)} of ${bytes(bound)}${host}`);
  });
  const said = chunks > 0 ? `${some(chunks, 'piece')}, ${bytes(chunkBytes)}` : 'none shown';
  const other = line('pieces of other files', bar(chunkBytes / Math.max(bound, 1), 'theirs'), said);
  const lies = diskBound === 0 ? 'nothing is kept' : disk === null ? 'not looked at yet' : `${bytes(disk)} of ${bytes(diskBound)}`;
  const kept = line('on disk, all models', bar((disk ?? 0) / Math.max(diskBound, 1), 'kept'), lies);
  fill('memory', element('h2', '', 'Memory'), ...lines, other, kept);
}
