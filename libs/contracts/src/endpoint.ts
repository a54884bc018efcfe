import type { z } from 'zod';

/** The kinds of AI work; one worker app each. */
export const modalities = ['text', 'image', 'video', 'audio', 'embedding'] as const;
/** One of `modalities`; says which worker app serves an endpoint. */
export type Modality = (typeof modalities)[number];

/** Media types of a request, by their short names. */
export type RequestFormat = 'json' | 'multipart';

/** The files that a field of a form may have. */
export interface FormFiles {
  readonly min: number;
  readonly max: number;
  /** Of each. */
  readonly maxBytes: number;
  readonly kind: 'audio' | 'image';
}

/** A request as `multipart/form-data`. */
export interface FormDefinition {
  /** Of the fields by their names without brackets: texts, and lists of texts; it converts them. */
  readonly fields: z.ZodType<{ model: string; stream?: boolean | null | undefined }>;
  /** Fields that are lists, whether they are sent as `name[]`, as `name`, once or more often. */
  readonly lists: readonly string[];
  /** By field, without brackets. */
  readonly files: Readonly<Record<string, FormFiles>>;
}

/** One paid operation of the /v1 API. */
export interface Endpoint {
  /** The one name everywhere: bus subject, span, metric label, price key. */
  readonly id: string;
  readonly modality: Modality;
  readonly method: 'POST';
  readonly path: string;
  /** How the request may come: a JSON object, or a form (`multipart/form-data`) with files. */
  readonly accepts: readonly RequestFormat[];
  /** Loose: unknown fields pass, since OpenAI adds some weekly. */
  readonly request: z.ZodType<{ model: string; stream?: boolean | null | undefined }>;
  /** Where it may come as a form. */
  readonly form?: FormDefinition;
}

/** Types an endpoint plainly, so that a misspelt key is an error. */
export function defineEndpoint(endpoint: Endpoint): Endpoint {
  return endpoint;
}

/** Bus subject of an endpoint: `call.v1.chat.completions`. */
export function subjectOf(endpoint: Endpoint): string {
  return `call.v1.${endpoint.id}`;
}
