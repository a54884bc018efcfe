import { type AddressRules, checkDataUrl, isDataUrl, requireMediaUrl } from '#libs/providers';

/** Members of a content part that name a file by URL, or hold it as a data URL. */
const urlMembers = ['image_url', 'audio_url', 'video_url'];
/** Members whose field holds a file's bytes; some vendors take a URL there. */
const byteMembers = [
  ['file', 'file_data'],
  ['input_audio', 'data'],
] as const;

/**
 * Refuses files of checked messages that must not be fetched, by whoever would fetch them, and images that are none,
 * before any money is held. Nothing is resolved or called: where a name leads is for whoever fetches it.
 */
export function checkChatMedia(messages: unknown, rules: AddressRules): void {
  for (const [index, { content }] of (messages as { content?: unknown }[]).entries()) {
    if (!Array.isArray(content)) continue;
    for (const [place, part] of (content as Record<string, unknown>[]).entries()) {
      checkPart(part, `messages[${index}].content[${place}]`, rules);
    }
  }
}

function checkPart(part: Record<string, unknown>, path: string, rules: AddressRules): void {
  for (const name of urlMembers) {
    const value = part[name];
    const url = isRecord(value) ? value['url'] : value;
    if (typeof url !== 'string') continue;
    const param = `${path}.${name}`;
    if (!isDataUrl(url)) requireMediaUrl(url, param, rules);
    else if (name === 'image_url') checkDataUrl(url, param);
  }
  for (const [name, field] of byteMembers) {
    const value = part[name];
    const data = isRecord(value) ? value[field] : undefined;
    if (typeof data === 'string' && looksLikeUrl(data)) requireMediaUrl(data, `${path}.${name}.${field}`, rules);
  }
}

/** Base64 has no colon; a data URL is bytes. */
function looksLikeUrl(data: string): boolean {
  return /^[a-z][\w+.-]{0,31}:/i.test(data) && !isDataUrl(data);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
