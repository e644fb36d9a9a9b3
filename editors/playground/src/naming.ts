/** What a person calls a document: the last part of its address, read as far as it can be. */
export function nameOf(uri: string): string {
  const last = uri.split('/').at(-1) || uri;
  try {
    return decodeURIComponent(last);
  } catch {
    return last; // a per cent sign that stands for itself
  }
}
