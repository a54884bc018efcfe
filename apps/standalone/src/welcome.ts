/** What a start prints when it is ready. */
export interface Welcome {
  /** With `/v1`. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly clientEnv: string;
  readonly seconds: number;
}

/** Base URL, key, and snippets that work when pasted into a shell. */
export function welcomeText({ baseUrl, apiKey, clientEnv, seconds }: Welcome): string {
  return `
ModAPI is ready (${seconds.toFixed(1)} s)

  base URL  ${baseUrl}
  API key   ${apiKey}
  both, and the admin key, in ${clientEnv}

# curl
${curlSnippet(baseUrl, apiKey)}

# Python (pip install openai)
${pythonSnippet(baseUrl, apiKey)}

# Node (npm install openai)
${nodeSnippet(baseUrl, apiKey)}

Ctrl-C stops it.
`;
}

/** A call without any package. */
export function curlSnippet(baseUrl: string, apiKey: string): string {
  return `curl ${baseUrl}/chat/completions \\
  -H "Authorization: Bearer ${apiKey}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "sandbox/chat", "messages": [{"role": "user", "content": "Hello!"}]}'`;
}

/** A call through the official Python package. */
export function pythonSnippet(baseUrl: string, apiKey: string): string {
  return `python3 - <<'EOF'
from openai import OpenAI

client = OpenAI(base_url="${baseUrl}", api_key="${apiKey}")
completion = client.chat.completions.create(
    model="sandbox/chat",
    messages=[{"role": "user", "content": "Hello!"}],
)
print(completion.choices[0].message.content)
EOF`;
}

/** A streamed call through the official Node package. */
export function nodeSnippet(baseUrl: string, apiKey: string): string {
  return `node --input-type=module - <<'EOF'
import OpenAI from 'openai';

const client = new OpenAI({ baseURL: '${baseUrl}', apiKey: '${apiKey}' });
const stream = await client.chat.completions.create({
  model: 'sandbox/chat',
  messages: [{ role: 'user', content: 'Hello!' }],
  stream: true,
});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? '');
console.log();
EOF`;
}
