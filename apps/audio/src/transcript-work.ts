import { type Endpoint, GatewayError } from '#libs/contracts';
import { type Attempt, type AttemptSource, DialectAttempt, type EndpointWork, RelayAttempt } from '#libs/inference';
import { formBody, formRequest, type Upstream } from '#libs/providers';
import { refuseUnknownFields, type TranscriptAsk, transcriptAskOf } from './transcript-ask.js';
import { transcribed } from './transcript-dialect.js';
import { openTranscript, type TranscriptAnswer } from './transcript-readers.js';
import { meteredTranscript } from './transcript-usage.js';

/** Transcriptions and translations: a form with one file. */
export function transcriptWork(endpoint: Endpoint, title: string, operation: string): EndpointWork {
  return {
    endpoint: endpoint.id,
    title,
    operation,
    prepare(source) {
      const ask = transcriptAskOf(source.head);
      return source.target.upstream.passes(endpoint.id) ? relayed(source, ask, endpoint.id) : heard(source, ask);
    },
  };
}

/** The form goes on as a stream, with another model in it. */
function relayed(source: AttemptSource, ask: TranscriptAsk, endpoint: string): Attempt {
  const { call, head, target } = source;
  const { upstream, price, deployment } = target;
  const { upstreamModel } = deployment;
  const context = { upstream, model: head.model, upstreamModel };
  const answer: TranscriptAnswer = { ask, price, context, requestId: head.requestId, made: { textBytes: 0 } };
  const body = formBody(ask.form, { model: upstreamModel, ...instead(ask, upstream) });
  return new RelayAttempt(source, {
    request: (ownHeaders) => formRequest(upstream, endpoint, { body, files: call.openBody(), ownHeaders }),
    open: (headers) => openTranscript(answer, headers),
    count: () => meteredTranscript(answer.made, ask, price),
  });
}

/** What is asked of an upstream that lacks a format: the one that it is rendered from. */
function instead({ format }: TranscriptAsk, { id, provider }: Upstream): Record<string, string | null> {
  const formats = provider.quirks?.transcriptFormats;
  if (!formats || formats.includes(format)) return {};
  const source = format === 'text' ? 'json' : 'verbose_json';
  if (format === 'diarized_json' || !formats.includes(source)) {
    const message = `The provider ${id} makes no \`${format}\`. Set \`response_format\` to one of: ${formats.join(', ')}.`;
    throw new GatewayError('unsupported_value', message, { param: 'response_format' });
  }
  return { response_format: source, stream: null, 'timestamp_granularities[]': null, timestamp_granularities: null };
}

/** In a vendor's own protocol. */
function heard(source: AttemptSource, ask: TranscriptAsk): Attempt {
  refuseUnknownFields(ask);
  return new DialectAttempt(source, transcribed(source, ask));
}
