import { isObject, type Json, type JsonObject } from '../json.js';

const mostVisited = 20_000;

/**
 * The schema that a `$ref` names inside the same document: `#`, `#/$defs/x`, `#anchor`, or the `$id` of a part.
 * Undefined for all else: nothing is ever fetched.
 */
export function resolveReference(root: Json, reference: string): Json | undefined {
  if (reference === '#') return root;
  if (reference.startsWith('#/')) return atPointer(root, reference.slice(2));
  const [base = '', fragment = ''] = reference.split('#', 2);
  if (base === '')
    return findPart(root, (part) => part.$anchor === fragment || part.$id === reference || part.id === reference);
  const part = findPart(root, ({ $id: id }) => typeof id === 'string' && (id === base || id.endsWith(`/${base}`)));
  if (part === undefined || fragment === '') return part;
  return fragment.startsWith('/')
    ? atPointer(part, fragment.slice(1))
    : findPart(part, ({ $anchor: anchor }) => anchor === fragment);
}

function atPointer(root: Json, pointer: string): Json | undefined {
  let current: Json | undefined = root;
  for (const raw of pointer.split('/')) {
    const step = decode(raw).replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(current)) current = current[Number(step)];
    else if (isObject(current) && Object.hasOwn(current, step)) current = current[step];
    else return undefined;
  }
  return current;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function findPart(root: Json, accept: (part: JsonObject) => boolean): JsonObject | undefined {
  const open: Json[] = [root];
  for (let visited = 0; visited < mostVisited; visited++) {
    const part = open.pop();
    if (part === undefined) return undefined;
    if (Array.isArray(part)) open.push(...part);
    if (!isObject(part)) continue;
    if (accept(part)) return part;
    open.push(...Object.values(part));
  }
  return undefined;
}
