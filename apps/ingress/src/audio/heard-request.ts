import type { Endpoint, Usage } from '#libs/contracts';
import { formRequest, readFormRequest } from '../inference/form-request.js';
import type { Delivered, ModelLimits, ReadRequest, UploadedForm } from '../inference/intake.js';
import { heldInFull, likelyTokens, mostTokens } from '../inference/whole-hold.js';

/** Of a file whose length cannot be seen: speech is never packed tighter. */
const fewestBytesPerSecond = 1_000;
/** Of audio heard; OpenAI makes about 17 of a second, Gemini 32. */
const tokensPerSecond = { most: 40, likely: 20 };
/** Of text written; nobody says more than five words a second for long. */
const wordTokensPerSecond = { most: 10, likely: 4 };
const fewestOutputTokens = 256;

interface Heard {
  readonly seconds: number;
  readonly promptBytes: number;
}

/** Reads the form of a transcription or a translation; throws a `GatewayError`. */
export function readHeardForm(endpoint: Endpoint, uploaded: UploadedForm): ReadRequest {
  const form = readFormRequest(endpoint, uploaded);
  const length = form.files.get('file')?.[0]?.facts.seconds;
  // Providers charge a second that was begun.
  const measured = length === undefined ? undefined : Math.max(1, Math.ceil(length));
  const heard: Heard = {
    seconds: measured ?? Math.max(1, Math.ceil(uploaded.body.length / fewestBytesPerSecond)),
    promptBytes: Buffer.byteLength([form.texts['prompt'] ?? ''].flat().join('')),
  };
  const { response_format: format } = form.valid;
  const responseFormat = typeof format === 'string' ? format : 'json';
  const facts = { responseFormat, ...(measured !== undefined && { seconds: measured }) };
  return {
    ...formRequest(endpoint, form, uploaded),
    head: { form: uploaded.form, facts, includeUsage: false },
    running: { body: uploaded.body, estimate: (delivered) => likelyUsage(heard, delivered) },
    largestUsage: (model) => largestUsage(heard, model),
    hold: () => heldInFull,
    likelyTokens: () => likelyTokens(heard.promptBytes) + heard.seconds * tokensPerSecond.likely,
  };
}

function largestUsage({ seconds, promptBytes }: Heard, { maxOutputTokens }: ModelLimits): Usage {
  const output = Math.max(fewestOutputTokens, seconds * wordTokensPerSecond.most);
  return {
    seconds,
    input_audio: seconds * tokensPerSecond.most,
    ...(promptBytes > 0 && { input: mostTokens(promptBytes) }),
    output: Math.min(output, maxOutputTokens ?? output),
  };
}

/** An answer has more around its words the more it says about each: its bytes bound its tokens only from above. */
function likelyUsage({ seconds, promptBytes }: Heard, { events, bytes }: Delivered): Usage {
  const byTime = Math.max(1, seconds * wordTokensPerSecond.likely);
  return {
    seconds,
    input_audio: seconds * tokensPerSecond.likely,
    ...(promptBytes > 0 && { input: likelyTokens(promptBytes) }),
    output: Math.min(byTime, events || likelyTokens(bytes)),
  };
}
