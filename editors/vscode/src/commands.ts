// What stands in the command palette.
import * as vscode from 'vscode';

import type { Daemon } from './daemon';
import { chooseModel } from './models';
import type { Onlooker } from './lookOn';
import type { NextEdits } from './nextEdit';
import { NOT_RUNNING } from './protocol';
import { change, settings } from './settings';

export function registerCommands(
  daemon: Daemon,
  nextEdits: NextEdits,
  onlooker: Onlooker,
  log: vscode.LogOutputChannel,
): vscode.Disposable[] {
  const commands: Record<string, () => unknown> = {
    'kvlsp.toggle': toggle,
    'kvlsp.toggleLanguage': toggleLanguage,
    'kvlsp.pauseFor': () => pause(daemon),
    'kvlsp.goOn': () => daemon.goOn(),
    'kvlsp.trigger': () => vscode.commands.executeCommand('editor.action.inlineSuggest.trigger'),
    'kvlsp.nextEdit': () => nextEdits.ask(),
    'kvlsp.nextEditTake': () => nextEdits.take(),
    'kvlsp.nextEditJump': () => nextEdits.jump(),
    'kvlsp.nextEditDismiss': () => nextEdits.dismiss(),
    'kvlsp.chooseModel': () => chooseModel(daemon),
    'kvlsp.restart': () => daemon.restart(),
    'kvlsp.showLog': () => log.show(),
    'kvlsp.showStatistics': () => showStatistics(daemon),
    'kvlsp.lookOn': () => onlooker.show(),
    'kvlsp.lookOnInBrowser': () => lookOn(daemon),
    'kvlsp.install': () => daemon.install(),
    'kvlsp.menu': () => menu(daemon),
  };
  return Object.entries(commands).map(([name, run]) => vscode.commands.registerCommand(name, run));
}

async function toggle(): Promise<void> {
  await change('enable', !settings().get<boolean>('enable', true));
}

async function toggleLanguage(): Promise<void> {
  const language = vscode.window.activeTextEditor?.document.languageId;
  if (language === undefined) {
    void vscode.window.showInformationMessage('kvlsp: open a file first; its language is switched off or on.');
    return;
  }
  const off = settings().get<string[]>('disabledLanguages', []);
  await change('disabledLanguages', off.includes(language) ? off.filter((other) => other !== language) : [...off, language]);
}

const PAUSES: readonly (readonly [string, number])[] = [
  ['5 minutes', 5],
  ['15 minutes', 15],
  ['1 hour', 60],
  ['Until I end it', 0],
];

async function pause(daemon: Daemon): Promise<void> {
  if (!daemon.running) {
    void vscode.window.showWarningMessage(NOT_RUNNING);
    return;
  }
  const entries = PAUSES.map(([label, minutes]) => ({ label, minutes }));
  const chosen = await vscode.window.showQuickPick(entries, { title: 'kvlsp: no suggestions for' });
  if (chosen !== undefined) {
    await daemon.pause(chosen.minutes);
  }
}

async function showStatistics(daemon: Daemon): Promise<void> {
  if (!daemon.running) {
    void vscode.window.showWarningMessage(NOT_RUNNING);
    return;
  }
  const content = JSON.stringify(await daemon.statistics(), undefined, 2);
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: 'json', content }), { preview: true });
}

/** A page that shows what the daemon keeps, moves and encodes with every key. */
async function lookOn(daemon: Daemon): Promise<void> {
  if (!daemon.running) {
    void vscode.window.showWarningMessage(NOT_RUNNING);
    return;
  }
  try {
    const address = await vscode.env.asExternalUri(vscode.Uri.parse(await daemon.inspect(), true));
    await vscode.env.openExternal(address);
  } catch (error) {
    void vscode.window.showErrorMessage(`kvlsp: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function menu(daemon: Daemon): Promise<void> {
  const language = vscode.window.activeTextEditor?.document.languageId;
  const disabled = language !== undefined && settings().get<string[]>('disabledLanguages', []).includes(language);
  const entries: (vscode.QuickPickItem & { command: string })[] = [
    { label: settings().get('enable', true) ? 'Switch Off' : 'Switch On', command: 'kvlsp.toggle' },
    ...(language === undefined
      ? []
      : [{ label: `Switch ${disabled ? 'On' : 'Off'} for ${language}`, command: 'kvlsp.toggleLanguage' }]),
    ...(daemon.paused
      ? [{ label: 'End the Pause', command: 'kvlsp.goOn' }]
      : [{ label: 'Pause for Some Minutes', command: 'kvlsp.pauseFor' }]),
    { label: 'Choose a Model', command: 'kvlsp.chooseModel' },
    { label: 'Show Statistics', command: 'kvlsp.showStatistics' },
    { label: 'Inspect', command: 'kvlsp.lookOn' },
    { label: 'Inspect in the Browser', command: 'kvlsp.lookOnInBrowser' },
    { label: 'Show Log', command: 'kvlsp.showLog' },
    { label: daemon.running ? 'Restart the Daemon' : 'Start the Daemon', command: 'kvlsp.restart' },
  ];
  const chosen = await vscode.window.showQuickPick(entries, { title: 'kvlsp' });
  if (chosen !== undefined) {
    await vscode.commands.executeCommand(chosen.command);
  }
}
