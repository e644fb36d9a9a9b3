// The item at the lower right: what the daemon does, and on hover how the last request went and what is wrong.
import * as vscode from 'vscode';

import { REASONS, type Status } from './protocol';
import { serves } from './settings';

const ICONS: Record<Status['kind'], string> = {
  loading: '$(sync~spin)',
  ready: '$(sparkle)',
  computing: '$(loading~spin)',
  paused: '$(circle-slash)',
  error: '$(error)',
  stopped: '$(debug-disconnect)',
};

const REPORT: readonly (readonly [string, string])[] = [
  ['latency_ms', 'milliseconds'],
  ['kept', 'tokens kept'],
  ['moved', 'tokens moved'],
  ['encoded', 'tokens encoded'],
  ['generated', 'tokens generated'],
  ['drafted', 'tokens drafted'],
  ['accepted', 'drafted tokens accepted'],
];

/** What comes and goes with every request is drawn at most so often (milliseconds): an icon that turns for the time of a
 *  keystroke tells nobody anything, and drawing it takes time from the suggestion itself. */
const CALM = 300;

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem('kvlsp.status', vscode.StatusBarAlignment.Right, 100);
  private readonly listener = vscode.window.onDidChangeActiveTextEditor(() => this.refresh());
  private due: NodeJS.Timeout | undefined;
  private status: Status = { kind: 'stopped', message: 'the daemon is not running' };

  constructor() {
    this.item.name = 'kvlsp';
    this.item.command = 'kvlsp.menu';
    this.refresh();
    this.item.show();
  }

  show(status: Status): void {
    this.status = status;
    if (status.kind === 'computing' || status.kind === 'ready') {
      this.due ??= setTimeout(() => this.refresh(), CALM);
    } else {
      this.refresh();
    }
  }

  refresh(): void {
    clearTimeout(this.due);
    this.due = undefined;
    const { kind, percent } = this.status;
    const language = vscode.window.activeTextEditor?.document.languageId;
    const off = language !== undefined && !serves(language) && (kind === 'ready' || kind === 'computing');
    const load = kind === 'loading' && typeof percent === 'number' ? ` ${Math.round(percent)}%` : '';
    this.item.text = `${ICONS[off ? 'paused' : kind]} kvlsp${load}`;
    this.item.tooltip = tooltip(this.status, off ? language : undefined);
    this.item.accessibilityInformation = { label: `kvlsp: ${this.status.message}` };
    this.item.backgroundColor = kind === 'error' ? new vscode.ThemeColor('statusBarItem.errorBackground') : undefined;
  }

  dispose(): void {
    clearTimeout(this.due);
    this.listener.dispose();
    this.item.dispose();
  }
}

function tooltip(status: Status, offFor: string | undefined): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  text.appendMarkdown(`**kvlsp: ${status.kind}**\n\n`);
  const message = offFor === undefined ? status.message : `switched off for ${offFor}`;
  text.appendText(message === status.kind ? '' : message);
  for (const problem of status.problems ?? []) {
    text.appendMarkdown('\n\n').appendText(problem);
  }
  const { last } = status;
  if (last) {
    const how = last.items > 0 ? count(last.items, 'suggestion') : `nothing: ${REASONS[last.reason ?? ''] ?? last.reason ?? 'no reason given'}`;
    text.appendMarkdown('\n\n---\n\nLast request: ').appendText(how);
    for (const [name, label] of REPORT) {
      const value = last.report[name];
      if (typeof value === 'number') {
        text.appendMarkdown(`\n- ${Math.round(value)} ${label}`);
      }
    }
  }
  // The detail of a daemon that is ready repeats the report of the last request.
  for (const [name, value] of last ? [] : Object.entries(status.detail ?? {})) {
    if (typeof value === 'string' || typeof value === 'number') {
      text.appendMarkdown('\n- ').appendText(`${name}: ${value}`);
    }
  }
  return text;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
