/** What is wrong with a message, where. */
export interface MessageProblem {
  path: (string | number)[];
  message: string;
}

const roles = ['developer', 'system', 'user', 'assistant', 'tool', 'function'] as const;
/** OpenAI's content parts, and `video_url`, which OpenAI-compatible servers of open models take. */
const partTypes = ['text', 'image_url', 'input_audio', 'file', 'refusal', 'video_url'] as const;
const knownRoles: ReadonlySet<unknown> = new Set(roles);
const knownParts: ReadonlySet<unknown> = new Set(partTypes);

/** The same for readers of the OpenAPI document. */
export const messagesSchema = {
  type: 'object',
  required: ['role'],
  properties: {
    role: { enum: roles },
    content: {
      anyOf: [
        { type: 'string' },
        { type: 'null' },
        {
          type: 'array',
          items: {
            type: 'object',
            required: ['type'],
            properties: { type: { enum: partTypes } },
            additionalProperties: {},
          },
        },
      ],
    },
    tool_call_id: { type: 'string' },
  },
  additionalProperties: {},
};

/** The first problem of a list of chat messages; unknown fields are no problem. */
export function messagesProblem(messages: readonly unknown[]): MessageProblem | undefined {
  for (let index = 0; index < messages.length; index++) {
    const message = messages[index];
    if (!isObject(message)) return { path: [index], message: 'must be an object with `role` and `content`' };
    const problem = messageProblem(message);
    if (problem) return { path: [index, ...problem.path], message: problem.message };
  }
  return undefined;
}

function messageProblem(message: Record<string, unknown>): MessageProblem | undefined {
  const { role, content } = message;
  if (!knownRoles.has(role)) return { path: ['role'], message: `must be one of ${roles.join(', ')}` };
  if (role === 'tool' && typeof message['tool_call_id'] !== 'string') {
    return { path: ['tool_call_id'], message: 'must name the tool call that this message answers' };
  }
  if (typeof content === 'string') return undefined;
  if (Array.isArray(content)) return partsProblem(content);
  const mayBeEmpty = role === 'assistant' || role === 'function';
  if (mayBeEmpty && (content === null || content === undefined)) return undefined;
  return { path: ['content'], message: 'must be a string or an array of content parts' };
}

function partsProblem(parts: readonly unknown[]): MessageProblem | undefined {
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index];
    if (!isObject(part)) return { path: ['content', index], message: 'must be an object with a `type`' };
    if (!knownParts.has(part['type'])) {
      return { path: ['content', index, 'type'], message: `must be one of ${partTypes.join(', ')}` };
    }
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
