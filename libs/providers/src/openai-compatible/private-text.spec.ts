import { describe, expect, it } from '@jest/globals';
import { withoutPrivate } from './private-text.js';

describe('text of an upstream', () => {
  it.each([
    ['see https://vllm.internal:8000/v1/chat?key=1.', 'see [url].'],
    ['(http://[fd00::1]:80/x) and "redis://10.0.0.1:6379"', '([url]) and "[url]"'],
    ['connect to 10.42.0.17:8000 failed', 'connect to [address] failed'],
    ['from 192.168.1.1.', 'from [address].'],
    ['2001:db8::7: refused, ::1 too', '[address]: refused, [address] too'],
    ['[fe80::1%eth0]:443', '[[address]]:443'],
    ['::ffff:10.0.0.5 is down', '[address] is down'],
    ['no route to vllm-0.models.svc.cluster.local', 'no route to [address]'],
    ['localhost:11434 and gpu-3.acme.test:8080, gone', '[address] and [address], gone'],
    [
      'Rate limit for gpt-4o in organization org-AbCdEf123456 on',
      'Rate limit for gpt-4o in organization [redacted] on',
    ],
    ['project `proj_9zYxWvUt` has no access', 'project `[redacted]` has no access'],
    ['key sk-proj-1234abcd', 'key [redacted]'],
  ])('%j', (text, told) => expect(withoutPrivate(text)).toBe(told));

  it.each([
    "Invalid 'messages[0].content': string too long. Expected at most 10485760, got 20000000 instead.",
    'messages.1.content.0.type: must be one of text, image_url (line 3:14)',
    'The model `llama3.1:70b` and qwen2.5-coder:32b, version 1.2.3, at 12:30:45',
    'Unsupported value: temperature: 0.5; see std::string, a::b, ratio 1:2:3 and n=256.1.2.300',
    'org-wide-settings and project_id are not allowed; max_tokens:4096; task-sk-ABC12345',
    'Größe: 日本語 — «ok»',
  ])('passes as it is: %j', (text) => expect(withoutPrivate(text)).toBe(text));

  it.each(['a-'.repeat(4096), '1:'.repeat(4096), 'a.'.repeat(4096), '1.'.repeat(4096), 'org-'.repeat(2048)])(
    'costs little whatever it is: %.6s…',
    (text) => expect(withoutPrivate(text)).toBe(text),
  );
});
