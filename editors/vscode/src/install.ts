// The Install button: pip in a virtual environment that belongs to this extension alone.
import { spawn } from 'node:child_process';
import * as path from 'node:path';
import * as vscode from 'vscode';

import { anyPython, privateEnvironment, programs } from './locate';

/** Runs a program; its output goes to the log; rejects with a sentence when it fails. */
async function run(
  what: string,
  command: string,
  args: string[],
  cwd: string,
  log: vscode.LogOutputChannel,
  token: vscode.CancellationToken,
): Promise<void> {
  log.info(`${command} ${args.join(' ')}`);
  await new Promise<void>((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const lines: string[] = [];
    const listen = (data: Buffer): void => {
      for (const line of data.toString().split(/\r?\n/).filter(Boolean)) {
        lines.push(line);
        log.info(line);
      }
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    token.onCancellationRequested(() => child.kill());
    child.on('error', (error) => reject(new Error(`${what} (${command} could not be run: ${error.message}).`)));
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${what} (${reason(lines, code)}).`))));
  });
}

/** The line of a program's output that says why it failed. */
function reason(lines: string[], code: number | null): string {
  if (lines.some((line) => line.includes('ensurepip is not available'))) {
    return 'this Python comes without ensurepip; on Debian and Ubuntu, install the package python3-venv';
  }
  const said = lines.filter((line) => line.startsWith('ERROR:')).at(-1) ?? lines.at(-1);
  return said?.replace(/^ERROR: /, '').replace(/\.$/, '') ?? `exit code ${code}`;
}

/** Installs the daemon; true when it is there afterwards. Shows its own messages, and tries again if that is wished. */
export async function install(context: vscode.ExtensionContext, log: vscode.LogOutputChannel): Promise<boolean> {
  for (;;) {
    const failed = await attempt(context, log);
    if (failed === undefined) {
      return true;
    }
    const choice = await vscode.window.showErrorMessage(`kvlsp could not be installed: ${failed}`, 'Try Again', 'Show Log');
    if (choice === 'Show Log') {
      log.show();
    }
    if (choice !== 'Try Again') {
      return false;
    }
  }
}

/** One attempt; what failed, as a sentence, or undefined. */
async function attempt(context: vscode.ExtensionContext, log: vscode.LogOutputChannel): Promise<string | undefined> {
  const python = await anyPython();
  if (python === undefined) {
    return 'it needs Python 3.10 or later, and none was found on this machine.';
  }
  const environment = privateEnvironment(context);
  const cwd = context.extensionPath; // Python would run a pip.py or venv.py that lies in the user's folder
  return vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: 'Installing kvlsp', cancellable: true },
    async (progress, token) => {
      try {
        progress.report({ message: 'making a private Python environment' });
        const venv = 'a private Python environment could not be made';
        await run(venv, python, ['-m', 'venv', environment], cwd, log, token);
        progress.report({ message: 'pip install kvlsp (PyTorch is large: this takes minutes)' });
        const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--upgrade', 'kvlsp'];
        await run('pip install kvlsp failed', path.join(programs(environment), 'python'), pip, cwd, log, token);
        return undefined;
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        log.error(why);
        return token.isCancellationRequested ? 'it was cancelled.' : why;
      }
    },
  );
}
