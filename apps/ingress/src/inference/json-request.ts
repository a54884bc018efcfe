import { type Endpoint, GatewayError, type InferenceCallHead } from '#libs/contracts';
import { fingerprintOf } from '../idempotency/idempotency-key.js';
import { readJson } from '../json/read-json.js';
import type { ReadRequest } from './intake.js';
import { validate, type ValidRequest } from './request-validation.js';

/** A JSON body that was read and found valid for its endpoint. */
export interface ReadJson {
  /** As parsed; not kept while the request runs. */
  readonly value: Record<string, unknown>;
  readonly valid: ValidRequest;
  /** Byte for byte as the caller sent it. */
  readonly bytes: Buffer;
  readonly spans: NonNullable<InferenceCallHead['spans']>;
}

/** Reads the raw JSON body of an endpoint; throws a `GatewayError`. */
export function readJsonRequest({ request }: Endpoint, raw: unknown): ReadJson {
  if (!Buffer.isBuffer(raw)) {
    throw new GatewayError('unsupported_media_type', 'Send the body as JSON with `Content-Type: application/json`.');
  }
  const { value, bytes, modelSpan, streamOptionsSpan } = readJson(raw);
  const valid = validate(request, value);
  if (!modelSpan) throw new GatewayError('internal_error', 'The scan missed the model.');
  return {
    value,
    valid,
    bytes,
    spans: { model: modelSpan, ...(streamOptionsSpan && { streamOptions: streamOptionsSpan }) },
  };
}

/** What of a request is the same for all endpoints that take JSON. */
export function jsonRequest(
  endpoint: Endpoint,
  { value, valid, bytes }: ReadJson,
): Pick<ReadRequest, 'endpoint' | 'model' | 'stream' | 'asked' | 'fingerprint'> {
  return {
    endpoint,
    model: valid.model,
    stream: valid.stream === true,
    asked: value,
    fingerprint: () => fingerprintOf(bytes),
  };
}
