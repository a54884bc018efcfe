import { audioSpeech } from '#libs/contracts';
import {
  type Attempt,
  type AttemptSource,
  DialectAttempt,
  type EndpointWork,
  RelayAttempt,
  type WholeAnswer,
} from '#libs/inference';
import { speechFormatOf, type SpeechResult, spliceModel } from '#libs/providers';
import {
  canBeSpoken,
  estimatedSpeech,
  type MadeSpeech,
  meteredSpeech,
  reportedSpeech,
  type SpeechAsk,
  speechAskOf,
} from './speech-ask.js';
import { deltaEvents, doneEvent } from './speech-events.js';
import { openSpeech, type SpeechAnswer } from './speech-readers.js';

/** Text to speech: bytes as they come, or events with them. */
export const speechWork: EndpointWork = {
  endpoint: audioSpeech.id,
  title: 'speech',
  operation: 'generate_speech',
  prepare(source) {
    const ask = speechAskOf(source.call.body, source.head);
    return source.target.upstream.passes(audioSpeech.id) ? relayed(source, ask) : spoken(source, ask);
  },
};

function relayed(source: AttemptSource, ask: SpeechAsk): Attempt {
  const { call, head, target } = source;
  const { upstream, price, deployment } = target;
  const { upstreamModel } = deployment;
  const context = { upstream, model: head.model, upstreamModel };
  const answer: SpeechAnswer = { ask, price, context, requestId: head.requestId, audioBytes: 0 };
  if (!head.spans) throw new Error('speech is asked for in JSON');
  const body = spliceModel(call.body, head.spans.model, upstreamModel);
  return new RelayAttempt(source, {
    request: (ownHeaders) => upstream.request(audioSpeech.id, body, ownHeaders),
    open: (headers) => openSpeech(answer, headers),
    count: () => meteredSpeech(answer, ask, price),
  });
}

/** In a vendor's own protocol. */
function spoken(source: AttemptSource, ask: SpeechAsk): Attempt {
  const { price, deployment } = source.target;
  let spoken: MadeSpeech = { audioBytes: 0 };
  let made = ask;
  return new DialectAttempt(source, {
    async ask(dialect, settings, signal) {
      if (!dialect.speak) throw new Error('this provider has no speech');
      const { request } = ask;
      const result = await dialect.speak({ settings, model: deployment.upstreamModel, request, signal });
      const usageDisbelieved = result.usage !== undefined && !canBeSpoken(result.usage, ask);
      const tokens = usageDisbelieved ? undefined : result.usage;
      spoken = { audioBytes: result.bytes.length, tokens };
      // The vendor chose it if nobody asked for one.
      made = { ...ask, request: { ...request, format: request.format ?? speechFormatOf(result.contentType) } };
      const answer = ask.events
        ? eventsOf({ ...result, usage: tokens }, made)
        : { body: result.bytes, contentType: result.contentType };
      return { kind: 'answer', usage: reportedSpeech(tokens, made, price), usageDisbelieved, ...answer };
    },
    count: () => meteredSpeech(spoken, made, price),
  });
}

/** Whole audio as the events of a stream. */
function eventsOf({ bytes, usage }: SpeechResult, ask: SpeechAsk): Pick<WholeAnswer, 'body' | 'contentType'> {
  const events = deltaEvents(bytes) + doneEvent(usage ?? estimatedSpeech(ask, bytes.length));
  return { body: Buffer.from(events), contentType: 'text/event-stream; charset=utf-8' };
}
