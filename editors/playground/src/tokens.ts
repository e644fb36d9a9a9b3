// The texts of the model's tokens, asked for as they come into sight.
import type { LSPClient } from '@codemirror/lsp-client';

export class Tokens {
  private texts = new Map<number, string>();
  private asked = false;

  constructor(
    private readonly client: LSPClient,
    private readonly came: () => void,
  ) {}

  of(id: number): string | undefined {
    return this.texts.get(id);
  }

  /** Another daemon, or another model: another vocabulary. */
  forget(): void {
    this.texts.clear();
    this.asked = false;
  }

  async learn(ids: Iterable<number>): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.texts.has(id)).slice(0, 1 << 14);
    if (missing.length === 0 || this.asked) return;
    this.asked = true;
    try {
      const texts = await this.client.request<object, string[]>('kvlsp/tokens', { ids: missing });
      texts.forEach((text, index) => this.texts.set(missing[index], text));
      if (texts.length > 0) this.came();
    } catch {
      // the daemon has gone: asked for again with the next view
    } finally {
      this.asked = false;
    }
  }
}
