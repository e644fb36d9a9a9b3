// The Install button: pip in a virtual environment that belongs to this extension alone.
import { spawn } from 'node:child_process';
import * as path from 'node:path';
import * as vscode from 'vscode';

import { anyPython, privateEnvironment, programs } from './locate';

/** Runs a program; its output goes to the log; rejects with its last line when it fails. */
async function run(
  command: string,
  args: string[],
  cwd: string,
  log: vscode.LogOutputChannel,
  token: vscode.CancellationToken,
): Promise<void> {
  log.info(`${command} ${args.join(' ')}`);
  await new Promise<void>((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let last = '';
    const listen = (data: Buffer): void => {
      for (const line of data.toString().split(/\r?\n/).filter(Boolean)) {
        last = line;
        log.info(line);
      }
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    token.onCancellationRequested(() => child.kill());
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(last || `exit code ${code}`))));
  });
}

/** Installs the daemon; true when it is there afterwards. Shows its own messages. */
export async function install(context: vscode.ExtensionContext, log: vscode.LogOutputChannel): Promise<boolean> {
  const python = await anyPython();
  if (python === undefined) {
    void vscode.window.showErrorMessage('kvlsp needs Python 3.10 or later, and none was found on this machine.');
    return false;
  }
  const environment = privateEnvironment(context);
  const cwd = context.extensionPath; // Python would run a pip.py or venv.py that lies in the user's folder
  try {
    await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: 'Installing kvlsp', cancellable: true },
      async (progress, token) => {
        progress.report({ message: 'making a private Python environment' });
        await run(python, ['-m', 'venv', environment], cwd, log, token);
        progress.report({ message: 'pip install kvlsp (PyTorch is large: this takes minutes)' });
        const inside = path.join(programs(environment), 'python');
        await run(inside, ['-m', 'pip', 'install', '--disable-pip-version-check', '--upgrade', 'kvlsp'], cwd, log, token);
      },
    );
    return true;
  } catch (error) {
    const choice = await vscode.window.showErrorMessage(
      `kvlsp could not be installed: ${error instanceof Error ? error.message : String(error)}`,
      'Show Log',
    );
    if (choice !== undefined) {
      log.show();
    }
    return false;
  }
}
