/** One part of a form as a test writes it. */
export interface TestPart {
  readonly name?: string;
  readonly filename?: string;
  readonly body?: string | Buffer;
  /** The whole head instead, without the empty line. */
  readonly head?: string;
}

export const boundary = '----modapi-test-boundary';
export const formType = `multipart/form-data; boundary=${boundary}`;

/** A form as it goes over the wire. */
export function formBytes(parts: readonly TestPart[], closing = `--${boundary}--\r\n`): Buffer {
  const pieces = parts.flatMap(({ name, filename, body = '', head }) => {
    const file = filename === undefined ? '' : `; filename="${filename}"`;
    const own = head ?? `Content-Disposition: form-data; name="${name ?? ''}"${file}`;
    return [Buffer.from(`--${boundary}\r\n${own}\r\n\r\n`), Buffer.from(body as string), Buffer.from('\r\n')];
  });
  return Buffer.concat([...pieces, Buffer.from(closing)]);
}
