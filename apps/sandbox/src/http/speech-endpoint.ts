import type { CallLog } from '../call-log.js';
import { planSpeech, type SpeechPlan } from '../audio/speech-plan.js';
import { speechFormats } from '../audio/speech-formats.js';
import type { JsonObject } from '../json.js';
import { mediaModel } from '../media-models.js';
import { loadTokenizer } from '../token-count.js';
import { WireError } from '../wire-error.js';
import type { HttpCall } from './http-call.js';
import { parseJsonObject, readJsonText } from './read-body.js';
import { eventStream, namedEvent, sendMedia } from './send-media.js';

const longestInput = 4_096;
/** So that a stream is seen to be one. */
const partDelayMs = 2;
/** Of a second of speech, as OpenAI's token-priced model counts it. */
const tokensPerSecond = 20;

/** `POST /v1/audio/speech`. */
export function speechEndpoint(callLog: CallLog): (call: HttpCall) => Promise<void> {
  return async (call) => {
    const body = parseJsonObject(await readJsonText(call.request));
    const stream = body['stream_format'] === 'sse';
    await sendMedia(
      call,
      callLog,
      { model: typeof body['model'] === 'string' ? body['model'] : '', stream },
      async () => {
        mediaModel(body['model'], call.path);
        const plan = planOf(body);
        const format = formatOf(body);
        const pieces = format.encode(plan);
        if (!stream) return { contentType: format.contentType, parts: pieces, partDelayMs };
        const deltas = pieces.map((piece) => namedEvent(delta(piece)));
        return { contentType: eventStream, parts: [...deltas, namedEvent(await done(plan, body))], partDelayMs };
      },
    );
  };
}

function delta(piece: Buffer): { type: string; audio: string } {
  return { type: 'speech.audio.delta', audio: piece.toString('base64') };
}

async function done(plan: SpeechPlan, body: JsonObject): Promise<{ type: string; usage: object }> {
  const tokenizer = await loadTokenizer();
  const instructions = typeof body['instructions'] === 'string' ? body['instructions'] : '';
  const input = tokenizer.count(plan.text) + tokenizer.count(instructions);
  const output = Math.ceil(plan.seconds * tokensPerSecond);
  return {
    type: 'speech.audio.done',
    usage: { input_tokens: input, output_tokens: output, total_tokens: input + output },
  };
}

function planOf(body: JsonObject): SpeechPlan {
  const { input, voice, speed = 1 } = body;
  if (typeof input !== 'string' || input === '') throw wrong('input', 'must be a text');
  if (Array.from(input).length > longestInput) throw wrong('input', `is longer than ${longestInput} characters`);
  const name = typeof voice === 'object' && voice !== null && 'id' in voice ? voice.id : voice;
  if (typeof name !== 'string' || name === '') throw wrong('voice', 'must name a voice, any will do');
  if (typeof speed !== 'number' || speed < 0.25 || speed > 4) throw wrong('speed', 'must be from 0.25 to 4');
  return planSpeech(input, name, speed);
}

function formatOf({ response_format: name }: JsonObject) {
  const format = speechFormats[typeof name === 'string' ? name : 'mp3'];
  if (!format) throw wrong('response_format', `must be one of ${Object.keys(speechFormats).join(', ')}`);
  return format;
}

function wrong(param: string, what: string): WireError {
  return new WireError(400, { message: `Invalid '${param}': it ${what}.`, param, code: 'invalid_value' });
}
