// The way to the daemon: a WebSocket of this page's own address. When it ends it is opened again, as often as it takes.
import type { LSPClient, Transport } from '@codemirror/lsp-client';

const SOONEST = 400;
const LATEST = 5000;

export type State = 'connecting' | 'open' | 'gone';

export class Connection {
  private wait = SOONEST;

  constructor(
    private readonly client: LSPClient,
    private readonly tell: (state: State) => void,
  ) {}

  open(): void {
    this.tell('connecting');
    const socket = new WebSocket(new URL('lsp', location.href.replace(/^http/, 'ws')));
    const listeners = new Set<(message: string) => void>();
    const transport: Transport = {
      send: (message) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(message);
      },
      subscribe: (listener) => listeners.add(listener),
      unsubscribe: (listener) => listeners.delete(listener),
    };
    socket.onmessage = (event) => listeners.forEach((listener) => listener(String(event.data)));
    socket.onopen = () => {
      this.client.connect(transport);
      this.client.initializing.then(
        () => {
          this.wait = SOONEST;
          this.tell('open');
        },
        () => socket.close(),
      );
    };
    socket.onclose = () => {
      if (this.client.connected) this.client.disconnect();
      this.tell('gone');
      setTimeout(() => this.open(), this.wait);
      this.wait = Math.min(LATEST, this.wait * 2);
    };
  }
}
