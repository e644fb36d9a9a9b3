// Suggestions that come too late, shown after all. There are three kinds:
//
// - While a word is typed VS Code drops an answer that takes longer than 750 ms and does not ask again. Such an answer
//   is kept, VS Code is made to ask once more, and gets the kept one at once.
// - The daemon itself answers an automatic request at its deadline, empty if no line is complete, but goes on; when it is
//   done it answers from memory. Each request has a deadline of its own, so a slow model is asked several times.
// - While the model is being loaded nothing is offered; when it is there, whoever still waits is asked for.
import * as vscode from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';

import type { Status } from './protocol';

type Next = Parameters<NonNullable<Middleware['provideInlineCompletionItems']>>[4];
type Answer = vscode.InlineCompletionItem[] | vscode.InlineCompletionList | null | undefined;

/** Answers that took longer than this may have been dropped (milliseconds; VS Code's limit is 750). */
const IN_TIME = 700;

/** So often a slow model is asked again at a place. */
const AGAIN = 10;

/** A caret in a version of a document. */
class Place {
  private readonly uri: string;
  private readonly version: number;

  constructor(
    document: vscode.TextDocument,
    private readonly position: vscode.Position,
  ) {
    this.uri = document.uri.toString();
    this.version = document.version;
  }

  is(document: vscode.TextDocument, position: vscode.Position): boolean {
    return this.uri === document.uri.toString() && this.version === document.version && this.position.isEqual(position);
  }

  /** Whether the user is still here. */
  isCurrent(): boolean {
    const editor = vscode.window.activeTextEditor;
    return editor !== undefined && editor.selection.isEmpty && this.is(editor.document, editor.selection.active);
  }
}

export class LateSuggestions {
  /** An answer that VS Code may have dropped. */
  private kept: { place: Place; answer: Answer } | undefined;
  /** Where the last automatic request brought nothing. */
  private missed: Place | undefined;
  /** Where the daemon is asked again. */
  private again: Place | undefined;
  /** How often it was asked again there. */
  private times = 0;

  async provide(
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
    next: Next,
  ): Promise<Answer> {
    const { kept, again } = this;
    this.kept = this.missed = this.again = undefined;
    if (kept?.place.is(document, position)) {
      return kept.answer;
    }
    const place = new Place(document, position);
    const second = again?.is(document, position) ?? false;
    const started = performance.now();
    // What VS Code was made to ask looks explicit to it; to the daemon that would mean several suggestions.
    const kind = second ? vscode.InlineCompletionTriggerKind.Automatic : context.triggerKind;
    const answer = await next(document, position, { ...context, triggerKind: kind }, token);
    if (count(answer) === 0) {
      this.times = second ? this.times + 1 : 0;
      const given = this.times === AGAIN || kind !== vscode.InlineCompletionTriggerKind.Automatic;
      this.missed = given ? undefined : place;
    } else if (performance.now() - started > IN_TIME && place.isCurrent()) {
      this.kept = { place, answer };
      askAgain();
    }
    return answer;
  }

  /** The daemon says how it is: done, perhaps, with what it had no complete line of in time, or with loading. */
  heard(status: Status): void {
    const reason = status.kind === 'ready' ? status.last?.reason : undefined;
    if ((reason === 'deadline' || reason === 'not_ready') && this.missed?.isCurrent()) {
      this.again = this.missed;
      this.missed = undefined;
      askAgain();
    }
  }
}

function askAgain(): void {
  void vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
}

function count(answer: Answer): number {
  return answer ? (Array.isArray(answer) ? answer : answer.items).length : 0;
}
