import type { z } from 'zod';

/** The kinds of AI work; one worker app each. */
export const modalities = ['text', 'image', 'video', 'audio', 'embedding'] as const;
/** One of `modalities`; says which worker app serves an endpoint. */
export type Modality = (typeof modalities)[number];

/** One paid operation of the /v1 API. */
export interface Endpoint {
  /** The one name everywhere: bus subject, span, metric label, price key. */
  readonly id: string;
  readonly modality: Modality;
  readonly method: 'POST';
  readonly path: string;
  /** Loose: unknown fields pass, since OpenAI adds some weekly. */
  readonly request: z.ZodType<{ model: string; stream?: boolean | null | undefined }>;
}

/** Types an endpoint plainly, so that a misspelt key is an error. */
export function defineEndpoint(endpoint: Endpoint): Endpoint {
  return endpoint;
}

/** Bus subject of an endpoint: `call.v1.chat.completions`. */
export function subjectOf(endpoint: Endpoint): string {
  return `call.v1.${endpoint.id}`;
}
