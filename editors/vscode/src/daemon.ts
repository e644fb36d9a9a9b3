// The daemon's life: found, started, restarted, stopped; and the language client that talks to it.
import * as readline from 'node:readline';
import * as vscode from 'vscode';
import { LanguageClient, RevealOutputChannelOn, State, type Executable, type LanguageClientOptions } from 'vscode-languageclient/node';

import { install } from './install';
import { LateSuggestions } from './late';
import { locate, onPath, type Command } from './locate';
import { EXECUTE, NEXT_EDIT, NEXT_EDIT_SHOWN, STATISTICS, STATUS, type Models, type NextEdit, type Status } from './protocol';
import { SECTION, daemonSettings } from './settings';

/** Documents that are completed: of the disk, never saved, cells of notebooks, of another machine, of a repository's site. */
const SCHEMES = ['file', 'untitled', 'vscode-notebook-cell', 'vscode-remote', 'vscode-vfs'];

export class Daemon {
  private client: LanguageClient | undefined;
  private starting: Promise<void> | undefined;
  private kind: Status['kind'] | undefined;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
    private readonly tell: (status: Status) => void,
  ) {}

  /** Starts the daemon, or says why not and what to do. Never rejects. */
  start(): Promise<void> {
    this.starting ??= this.startOnce().finally(() => (this.starting = undefined));
    return this.starting;
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    // A daemon that cannot be stopped in order was killed by the client; nothing is left to do then.
    await client?.dispose().catch((error: unknown) => this.log.warn(`stopping: ${String(error)}`));
  }

  async restart(): Promise<void> {
    await this.starting;
    await this.stop();
    await this.start();
  }

  async statistics(): Promise<unknown> {
    return this.client?.sendRequest(STATISTICS, {});
  }

  /** The answer to a question that changes nothing. */
  async read(method: string, params: object): Promise<unknown> {
    return this.client?.sendRequest(method, params);
  }

  /** The address of a page that looks on. */
  async inspect(): Promise<string> {
    const opened = await this.client?.sendRequest<{ address: string }>(EXECUTE, { command: 'kvlsp.inspect' });
    return opened?.address ?? '';
  }

  /** What could be chosen as the model; takes some seconds. */
  async models(): Promise<Models> {
    return (await this.client?.sendRequest<Models>(EXECUTE, { command: 'kvlsp.models' })) ?? { models: [], model: '' };
  }

  /** No suggestions for so many minutes; 0: until {@link goOn}. */
  async pause(minutes: number): Promise<void> {
    await this.client?.sendRequest(EXECUTE, { command: 'kvlsp.pause', arguments: [minutes] });
  }

  async goOn(): Promise<void> {
    await this.client?.sendRequest(EXECUTE, { command: 'kvlsp.resume' });
  }

  /** What the last edits made wrong elsewhere; undefined where there is nothing, or the text changes meanwhile. */
  async nextEdit(document: vscode.TextDocument, position: vscode.Position, byHand: boolean): Promise<NextEdit | undefined> {
    const context = { triggerKind: byHand ? 1 : 2 };
    const params = { textDocument: { uri: document.uri.toString(), version: document.version }, position, context };
    try {
      return (await this.client?.sendRequest<{ edits: NextEdit[] }>(NEXT_EDIT, params))?.edits[0];
    } catch (error) {
      this.log.debug(`next edit: ${String(error)}`); // overtaken by an edit
      return undefined;
    }
  }

  async didShowNextEdit(edit: NextEdit): Promise<void> {
    await this.client?.sendNotification(NEXT_EDIT_SHOWN, { item: { command: edit.command } });
  }

  async execute(command: string, parameters: unknown[]): Promise<void> {
    try {
      await this.client?.sendRequest(EXECUTE, { command, arguments: parameters });
    } catch (error) {
      this.log.debug(`${command}: ${String(error)}`); // the daemon has gone: it need not know any more
    }
  }

  get running(): boolean {
    return this.client?.state === State.Running;
  }

  /** Whether the user wanted a pause that is not over. */
  get paused(): boolean {
    return this.running && this.kind === 'paused';
  }

  async install(): Promise<void> {
    if (await install(this.context, this.log)) {
      await this.restart();
    }
  }

  private async startOnce(): Promise<void> {
    const command = await locate(this.context);
    if (command === undefined) {
      this.tell({ kind: 'error', message: 'the daemon is not installed' });
      void this.offerInstall('kvlsp: the daemon is not installed on this machine.');
      return;
    }
    if ((await onPath(command.command)) === undefined) {
      this.tell({ kind: 'error', message: `${command.command} cannot be run` });
      void this.offerInstall(`kvlsp: the daemon \`${command.command}\` (from ${command.from}) cannot be run.`);
      return;
    }
    this.log.info(`starting ${command.command} ${command.args.join(' ')} (from ${command.from})`);
    this.tell({ kind: 'loading', message: 'starting the daemon' });
    const client = this.makeClient(command);
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      this.client = undefined;
      const why = error instanceof Error ? error.message : String(error);
      this.log.error(why);
      this.tell({ kind: 'error', message: `the daemon did not start: ${why}` });
      void this.offerInstall(`kvlsp: \`${command.command}\` (from ${command.from}) did not start: ${why}`);
    }
  }

  private makeClient(command: Command): LanguageClient {
    const late = new LateSuggestions();
    const options: LanguageClientOptions = {
      documentSelector: SCHEMES.map((scheme) => ({ scheme })),
      initializationOptions: { ...daemonSettings(), status: true },
      synchronize: { configurationSection: SECTION },
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      stdioOptions: {
        stdout: () => undefined, // the protocol's own
        // A daemon logs to stderr what is not an error, too.
        stderr: (input, channel) => void readline.createInterface({ input }).on('line', (line) => channel.info(line)),
      },
      middleware: {
        provideInlineCompletionItems: (document, position, context, token, next) =>
          late.provide(document, position, context, token, next),
      },
    };
    const server: Executable = { command: command.command, args: command.args };
    if (command.cwd !== undefined) {
      server.options = { cwd: command.cwd };
    }
    const client = new LanguageClient('kvlsp', 'kvlsp', server, options);
    client.onNotification(STATUS, (status: Status) => {
      this.kind = status.kind;
      this.tell(status);
      late.heard(status);
    });
    client.onDidChangeState(({ newState }) => {
      if (newState === State.Stopped && this.client === client) {
        this.tell({ kind: 'stopped', message: 'the daemon is not running; its log says why' });
      }
    });
    return client;
  }

  private async offerInstall(message: string): Promise<void> {
    const choice = await vscode.window.showErrorMessage(message, 'Install', 'Settings', 'Show Log');
    if (choice === 'Install') {
      await this.install();
    } else if (choice === 'Settings') {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'kvlsp.server.command');
    } else if (choice === 'Show Log') {
      this.log.show();
    }
  }
}
