// The page of `kvlsp inspect` in a panel: its messages travel over the connection that the editor has, read only.
//
// No port is opened for it. What the page may load is its own script and styles; with the panel it ends, and a panel that
// is not seen asks for nothing.
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

import type { Daemon } from './daemon';
import { READS } from './protocol';

interface Message {
  id?: number | string;
  method?: string;
  params?: object;
}

const METHOD_NOT_FOUND = -32601;
const INTERNAL_ERROR = -32603;

export class Onlooker implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private readonly bundle: vscode.Uri;

  constructor(
    extension: vscode.Uri,
    private readonly daemon: Daemon,
  ) {
    this.bundle = vscode.Uri.joinPath(extension, 'out', 'page');
  }

  dispose(): void {
    this.panel?.dispose();
  }

  /** Opens the panel beside the editor, or shows the one that is open. */
  async show(): Promise<void> {
    if (this.panel !== undefined) {
      this.panel.reveal(undefined, true);
      return;
    }
    const place = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    const panel = vscode.window.createWebviewPanel('kvlsp.lookOn', 'kvlsp', place, {
      enableScripts: true,
      localResourceRoots: [this.bundle],
    });
    this.panel = panel;
    panel.onDidDispose(() => (this.panel = undefined));
    panel.webview.onDidReceiveMessage((text: unknown) => void this.receive(panel.webview, text));
    panel.webview.html = await this.html(panel.webview);
  }

  private async receive(webview: vscode.Webview, text: unknown): Promise<void> {
    const message = typeof text === 'string' ? (JSON.parse(text) as Message) : {};
    if (message.id === undefined || message.method === undefined) {
      return; // a notification changes nothing
    }
    const answer = await this.answer(message.method, message.params ?? {});
    await webview.postMessage(answer === undefined ? { gone: true } : JSON.stringify({ jsonrpc: '2.0', id: message.id, ...answer }));
  }

  /** Undefined: there is no daemon now. */
  private async answer(method: string, params: object): Promise<object | undefined> {
    if (!this.daemon.running) {
      return undefined;
    }
    if (method === 'initialize') {
      return { result: { capabilities: {} } };
    }
    if (!READS.includes(method)) {
      return { error: { code: METHOD_NOT_FOUND, message: 'This page can only watch.' } };
    }
    try {
      return { result: await this.daemon.read(method, params) };
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      return this.daemon.running ? { error: { code: INTERNAL_ERROR, message: said } } : undefined;
    }
  }

  private async html(webview: vscode.Webview): Promise<string> {
    const file = await vscode.workspace.fs.readFile(vscode.Uri.joinPath(this.bundle, 'index.html'));
    const nonce = randomBytes(16).toString('base64');
    const policy =
      `default-src 'none'; script-src ${webview.cspSource}; style-src ${webview.cspSource} 'nonce-${nonce}'; ` +
      "img-src data:; base-uri 'none'; form-action 'none'";
    const at = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(this.bundle, name)).toString();
    return new TextDecoder()
      .decode(file)
      .replace('<head>', `<head><meta http-equiv="Content-Security-Policy" content="${policy}">`)
      .replace('NONCE', nonce)
      .replace('./page.js', at('page.js'))
      .replace('./page.css', at('page.css'));
  }
}
