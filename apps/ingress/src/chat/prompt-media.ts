/** Content parts that are no text; what they weigh does not show in their bytes. */
const mediaTypes: ReadonlySet<unknown> = new Set(['image_url', 'input_audio', 'file', 'video_url']);

/** The media parts of checked messages: how many, and how many characters of the body their content takes. */
export function promptMedia(messages: unknown): { readonly parts: number; readonly characters: number } {
  let parts = 0;
  let characters = 0;
  for (const { content } of messages as { content?: unknown }[]) {
    if (!Array.isArray(content)) continue;
    for (const part of content as { type: unknown }[]) {
      if (!mediaTypes.has(part.type)) continue;
      parts++;
      characters += charactersOf(part);
    }
  }
  return { parts, characters };
}

function charactersOf(root: object): number {
  const pending: unknown[] = [root];
  let characters = 0;
  while (pending.length > 0) {
    const node = pending.pop();
    if (typeof node === 'string') characters += node.length;
    else if (typeof node === 'object' && node !== null) for (const child of Object.values(node)) pending.push(child);
  }
  return characters;
}
