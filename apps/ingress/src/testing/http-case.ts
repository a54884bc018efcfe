import type { ErrorCode } from '#libs/contracts';
import type { TestIngress } from './test-ingress.js';

/** An input of docs/bad-inputs.md as one HTTP request, and what it must get. */
export interface HttpCase {
  readonly row: number;
  readonly what: string;
  readonly method?: string;
  readonly path?: string;
  /** Replaces the key and content type that are sent otherwise; undefined removes one. */
  readonly headers?:
    | Record<string, string | undefined>
    | ((ingress: TestIngress) => Record<string, string | undefined>);
  readonly body?: string | Buffer | object;
  readonly status: number;
  readonly code: ErrorCode;
  readonly param?: string;
  /** Answer headers that must be there. */
  readonly answer?: Record<string, string>;
}

export const user = { role: 'user', content: 'hi' };
export const goodBody = { model: 'gpt-test', messages: [user] };
