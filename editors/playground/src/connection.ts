// The connection to the daemon. When it ends it is opened again, as often as it takes.
import type { LSPClient, Transport } from '@codemirror/lsp-client';

import { openWay } from './way';

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
    const listeners = new Set<(message: string) => void>();
    const way = openWay({
      hear: (message) => listeners.forEach((listener) => listener(message)),
      opened: () => {
        this.client.connect(transport);
        this.client.initializing.then(
          () => {
            this.wait = SOONEST;
            this.tell('open');
          },
          () => way.close(),
        );
      },
      closed: () => {
        if (this.client.connected) this.client.disconnect();
        this.tell('gone');
        setTimeout(() => this.open(), this.wait);
        this.wait = Math.min(LATEST, this.wait * 2);
      },
    });
    const transport: Transport = {
      send: (message) => way.send(message),
      subscribe: (listener) => listeners.add(listener),
      unsubscribe: (listener) => listeners.delete(listener),
    };
  }
}
