// The next edit: what was just written made something else wrong; the daemon says where and what belongs there.
//
// VS Code's stable API draws no next edit, so this draws the place and the new line itself, as decorations. One place at
// a time: Tab goes there and takes it (where no suggestion stands at the caret), Escape turns it down for this place.
import * as vscode from 'vscode';

import type { Daemon } from './daemon';
import type { NextEdit } from './protocol';
import { settings } from './settings';

/** Milliseconds without a change before it is asked for. */
const QUIET = 500;
/** Tells the key bindings that there is something to take. */
const CONTEXT = 'kvlsp.nextEditShown';

interface Shown {
  editor: vscode.TextEditor;
  version: number;
  edit: NextEdit;
  range: vscode.Range;
}

export class NextEdits implements vscode.Disposable {
  private shown: Shown | undefined;
  private timer: NodeJS.Timeout | undefined;
  private asked = 0;
  private readonly old = vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor('diffEditor.removedTextBackground'),
    after: { margin: '0 0 0 2em', color: new vscode.ThemeColor('editorGhostText.foreground') },
  });
  private readonly hint = vscode.window.createTextEditorDecorationType({
    after: { margin: '0 0 0 2em', color: new vscode.ThemeColor('editorGhostText.foreground') },
  });
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly daemon: Daemon) {
    this.subscriptions = [
      this.old,
      this.hint,
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length > 0 && document === vscode.window.activeTextEditor?.document) {
          this.clear();
          this.later(QUIET);
        }
      }),
      vscode.window.onDidChangeActiveTextEditor(() => this.clear()),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => {
        if (textEditor === this.shown?.editor) {
          this.draw(this.shown);
        }
      }),
    ];
  }

  dispose(): void {
    this.clear();
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  /** Asks now; says so where there is none and somebody wanted to know. `byHand`: thin evidence will do. */
  async ask(told = true, byHand = true): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (editor === undefined || !this.daemon.running) {
      return;
    }
    this.clear();
    const number = this.asked;
    const { document } = editor;
    const version = document.version;
    const edit = await this.daemon.nextEdit(document, editor.selection.active, byHand);
    if (number !== this.asked || document.version !== version || editor !== vscode.window.activeTextEditor) {
      return;
    }
    if (edit === undefined) {
      if (told) {
        vscode.window.setStatusBarMessage('kvlsp: no next edit', 3000);
      }
      return;
    }
    const { start, end } = edit.range;
    const range = document.validateRange(new vscode.Range(start.line, start.character, end.line, end.character));
    this.shown = { editor, version, edit, range };
    this.draw(this.shown);
    await vscode.commands.executeCommand('setContext', CONTEXT, true);
    await this.daemon.didShowNextEdit(edit);
  }

  /** Goes to the place without taking the edit. */
  jump(): void {
    if (this.shown !== undefined) {
      this.go(this.shown.editor, this.shown.range.start);
    }
  }

  /** Takes the edit, goes there, and asks for the next one. */
  async take(): Promise<void> {
    const shown = this.shown;
    if (shown === undefined || shown.editor.document.version !== shown.version) {
      return;
    }
    this.clear();
    const { editor, edit, range } = shown;
    if (!(await editor.edit((builder) => builder.replace(range, edit.text)))) {
      return;
    }
    this.go(editor, range.start.translate(0, edit.text.length - edit.text.trimStart().length));
    await this.daemon.execute(edit.command.command, edit.command.arguments ?? []);
    this.later(0, true);
  }

  /** Turns it down: it does not come back here. */
  async dismiss(): Promise<void> {
    const shown = this.shown;
    this.clear();
    if (shown !== undefined) {
      await this.daemon.execute('kvlsp.rejected', shown.edit.command.arguments ?? []);
    }
  }

  private go(editor: vscode.TextEditor, place: vscode.Position): void {
    editor.selection = new vscode.Selection(place, place);
    editor.revealRange(new vscode.Range(place, place), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  }

  private later(wait: number, chained = false): void {
    clearTimeout(this.timer);
    if (chained || settings().get<string>('nextEdit', 'asked') === 'on') {
      this.timer = setTimeout(() => void this.ask(false, chained), wait);
    }
  }

  private draw({ editor, edit, range }: Shown): void {
    const contentText = edit.text.trimStart();
    editor.setDecorations(this.old, [{ range, renderOptions: { after: { contentText } } }]);
    const caret = editor.selection.active;
    const away = range.start.line - caret.line;
    const end = editor.document.lineAt(caret.line).range.end;
    const said = `${away > 0 ? '↓' : '↑'} next edit: line ${String(range.start.line + 1)} (Tab)`;
    editor.setDecorations(
      this.hint,
      away === 0 ? [] : [{ range: new vscode.Range(end, end), renderOptions: { after: { contentText: said } } }],
    );
  }

  private clear(): void {
    this.asked += 1;
    clearTimeout(this.timer);
    if (this.shown !== undefined) {
      this.shown.editor.setDecorations(this.old, []);
      this.shown.editor.setDecorations(this.hint, []);
      this.shown = undefined;
      void vscode.commands.executeCommand('setContext', CONTEXT, false);
    }
  }
}
