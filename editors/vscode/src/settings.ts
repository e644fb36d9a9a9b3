// The user's settings, in the shape the daemon reads: those of the section `kvlsp`, without what concerns only VS Code.
import * as vscode from 'vscode';

export const SECTION = 'kvlsp';

export function settings(scope?: vscode.ConfigurationScope): vscode.WorkspaceConfiguration {
  return vscode.workspace.getConfiguration(SECTION, scope);
}

/** Everything the daemon understands, by its own names. */
export function daemonSettings(): Record<string, unknown> {
  const { server: _server, ...rest } = JSON.parse(JSON.stringify(settings())) as Record<string, unknown>;
  return rest;
}

/** Changes a setting where it is set already, else for the user. */
export async function change(name: string, value: unknown): Promise<void> {
  const where = settings().inspect(name);
  const target =
    where?.workspaceValue === undefined ? vscode.ConfigurationTarget.Global : vscode.ConfigurationTarget.Workspace;
  await settings().update(name, value, target);
}

/** Whether completions are wanted in this language: the same rule as the daemon's. */
export function serves(language: string): boolean {
  const chosen = settings();
  const only = chosen.get<string[]>('languages', []);
  return (
    chosen.get<boolean>('enable', true) &&
    !chosen.get<string[]>('disabledLanguages', []).includes(language) &&
    (only.length === 0 || only.includes(language))
  );
}
