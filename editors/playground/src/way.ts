// How messages get to the daemon: over a WebSocket of this page's own address, or, where the page is shown within an
// editor, by that editor, which carries them over the connection that it has.

interface Editor {
  postMessage(message: unknown): void;
}

declare global {
  interface Window {
    /** VS Code's, in a page that it shows. To be called once. */
    acquireVsCodeApi?: () => Editor;
  }
}

/** The editor that shows this page; null in a browser. */
export const within: Editor | null = window.acquireVsCodeApi?.() ?? null;

export interface Way {
  send(message: string): void;
  close(): void;
}

interface Ends {
  opened: () => void;
  hear: (message: string) => void;
  closed: () => void;
}

export function openWay(ends: Ends): Way {
  return within === null ? overSocket(ends) : through(within, ends);
}

function overSocket({ opened, hear, closed }: Ends): Way {
  const socket = new WebSocket(new URL('lsp', location.href.replace(/^http/, 'ws')));
  socket.onmessage = (event) => hear(String(event.data));
  socket.onopen = opened;
  socket.onclose = closed;
  return {
    send: (message) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(message);
    },
    close: () => socket.close(),
  };
}

/** Strings are messages; `{ gone: true }` says that there is no daemon now. */
function through(editor: Editor, { opened, hear, closed }: Ends): Way {
  const listen = (event: MessageEvent) => {
    if (typeof event.data === 'string') hear(event.data);
    else if (event.data?.gone === true) close();
  };
  const close = () => {
    window.removeEventListener('message', listen);
    closed();
  };
  window.addEventListener('message', listen);
  queueMicrotask(opened);
  return { send: (message) => editor.postMessage(message), close };
}
