const passed = /^(?:content-type|retry-after|retry-after-ms|openai-|x-ratelimit-|x-modapi-)/;
const printable = /^[\t\x20-\x7e]*$/;

/**
 * Of a worker's head only what a caller may see, and only what is a header value: names and values in turn. Answers may
 * be made of what strangers wrote: a browser must take them for what they say they are.
 */
export function replyHeaders(headers: Readonly<Record<string, string>>, without?: string): string[] {
  const kept: string[] = ['x-content-type-options', 'nosniff'];
  for (const name in headers) {
    const value = headers[name];
    if (name === without) continue;
    if (value !== undefined && passed.test(name) && printable.test(value)) kept.push(name, value);
  }
  return kept;
}
