/** The object under `error` in OpenAI's error answers; all four keys are required (OpenAI OpenAPI, `Error`). */
export interface WireErrorBody {
  message: string;
  type: string;
  param: string | null;
  code: string | null;
}

/** An error answer on OpenAI's wire. */
export class WireError extends Error {
  readonly body: WireErrorBody;

  constructor(
    readonly status: number,
    body: Partial<WireErrorBody> & { message: string },
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(body.message);
    this.name = 'WireError';
    this.body = {
      message: body.message,
      type: body.type ?? 'invalid_request_error',
      param: body.param ?? null,
      code: body.code ?? null,
    };
  }

  toJson(): string {
    return JSON.stringify({ error: this.body });
  }
}

/** 400: a value that OpenAI would refuse. `param` is in OpenAI's notation: `messages[0].role`. */
export function invalidValue(param: string, message: string): WireError {
  return new WireError(400, { message, param, code: 'invalid_value' });
}
