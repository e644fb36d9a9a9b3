// Where the daemon is: the setting, then our own environment, then PATH, then the Python of the Python extension.
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import * as path from 'node:path';
import { promisify } from 'node:util';
import * as vscode from 'vscode';

import { settings } from './settings';

const WINDOWS = process.platform === 'win32';
const PYTHONS = WINDOWS ? ['python', 'py'] : ['python3', 'python'];

export interface Command {
  command: string;
  args: string[];
  /** Where it starts, if that matters. */
  cwd?: string;
  /** For the log: where it was found. */
  from: string;
}

/** The folder of programs of a Python environment. */
export function programs(environment: string): string {
  return path.join(environment, WINDOWS ? 'Scripts' : 'bin');
}

/** The private environment that the Install button makes. */
export function privateEnvironment(context: vscode.ExtensionContext): string {
  return path.join(context.globalStorageUri.fsPath, 'environment');
}

async function executable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** A program by name, as a shell would find it; or by its path, if it is there. */
export async function onPath(name: string): Promise<string | undefined> {
  if (path.isAbsolute(name)) {
    return (await executable(name)) ? name : undefined;
  }
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter).filter(Boolean)) {
    for (const ending of WINDOWS ? ['.exe', '.cmd', ''] : ['']) {
      const file = path.join(folder, name + ending);
      if (await executable(file)) {
        return file;
      }
    }
  }
  return undefined;
}

/** The interpreter chosen in the Python extension, if that is installed. */
async function chosenPython(): Promise<string | undefined> {
  const extension = vscode.extensions.getExtension('ms-python.python');
  if (extension === undefined) {
    return undefined;
  }
  try {
    const api = (await extension.activate()) as {
      environments?: {
        getActiveEnvironmentPath(): { path: string };
        resolveEnvironment(where: unknown): Promise<{ executable: { uri?: vscode.Uri } } | undefined>;
      };
    };
    const active = api.environments?.getActiveEnvironmentPath();
    return active && (await api.environments?.resolveEnvironment(active))?.executable.uri?.fsPath;
  } catch {
    return undefined; // another extension's trouble is not ours
  }
}

/** A Python to make an environment with. */
export async function anyPython(): Promise<string | undefined> {
  const chosen = await chosenPython();
  if (chosen !== undefined) {
    return chosen;
  }
  for (const name of PYTHONS) {
    const found = await onPath(name);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/** The daemon's command line, or undefined where there is none: then the user is asked to install it. */
export async function locate(context: vscode.ExtensionContext): Promise<Command | undefined> {
  const [command, ...args] = settings().get<string[]>('server.command', []);
  if (command !== undefined) {
    return { command, args, from: 'the setting kvlsp.server.command' };
  }
  const name = WINDOWS ? 'kvlsp.exe' : 'kvlsp';
  const own = path.join(programs(privateEnvironment(context)), name);
  if (await executable(own)) {
    return { command: own, args: ['serve'], from: 'the private environment of this extension' };
  }
  const found = await onPath('kvlsp');
  if (found !== undefined) {
    return { command: found, args: ['serve'], from: 'PATH' };
  }
  const python = await anyPython();
  // `python -m` looks for modules where it starts, first of all: never in the user's folder.
  const cwd = context.extensionPath;
  if (python !== undefined && (await imports(python, 'kvlsp', cwd))) {
    return { command: python, args: ['-m', 'kvlsp', 'serve'], cwd, from: `the Python ${python}` };
  }
  return undefined;
}

async function imports(python: string, module: string, cwd: string): Promise<boolean> {
  const look = `import importlib.util as u, sys; sys.exit(u.find_spec(${JSON.stringify(module)}) is None)`;
  return promisify(execFile)(python, ['-c', look], { cwd, timeout: 20_000 }).then(
    () => true,
    () => false,
  );
}
