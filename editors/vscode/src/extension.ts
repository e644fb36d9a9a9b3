// Entry point: ties daemon, status bar and commands together. Everything with a decision in it is elsewhere.
import * as vscode from 'vscode';

import { registerCommands } from './commands';
import { Daemon } from './daemon';
import { Onlooker } from './lookOn';
import { NextEdits } from './nextEdit';
import { StatusBar } from './statusBar';

let daemon: Daemon | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const log = vscode.window.createOutputChannel('kvlsp', { log: true });
  const statusBar = new StatusBar();
  daemon = new Daemon(context, log, (status) => statusBar.show(status));
  const nextEdits = new NextEdits(daemon);
  const onlooker = new Onlooker(context.extensionUri, daemon);
  context.subscriptions.push(
    log,
    nextEdits,
    onlooker,
    statusBar,
    ...registerCommands(daemon, nextEdits, onlooker, log),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('kvlsp.server')) {
        void daemon?.restart();
      }
      if (event.affectsConfiguration('kvlsp')) {
        statusBar.refresh();
      }
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void daemon?.restart()),
  );
  await daemon.start();
}

export async function deactivate(): Promise<void> {
  await daemon?.stop();
}
