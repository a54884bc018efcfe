import { GatewayError } from '#libs/contracts';

const parameter = /;\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]*)\s*/y;
/** RFC 2046, section 5.1.1: 1 to 70 characters of this set, the last one no space. */
const boundaryForm = /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/;

/** True for `multipart/form-data`, whatever its parameters are. */
export function isForm(contentType: string | undefined): boolean {
  return contentType !== undefined && /^multipart\/form-data\s*(;|$)/i.test(contentType);
}

/** The boundary of a form; throws a `GatewayError` when there is none that can be one. */
export function boundaryOf(contentType: string | undefined): string {
  if (contentType === undefined || !isForm(contentType)) throw notAForm();
  const boundaries: string[] = [];
  const start = contentType.indexOf(';');
  parameter.lastIndex = start < 0 ? contentType.length : start;
  for (let at = parameter.lastIndex; at < contentType.length; at = parameter.lastIndex) {
    const match = parameter.exec(contentType);
    if (!match) throw badForm('The Content-Type header is malformed.');
    if (match[1]?.toLowerCase() === 'boundary') boundaries.push(unquoted(match[2] ?? ''));
  }
  const [boundary, second] = boundaries;
  if (boundary === undefined || second !== undefined || !boundaryForm.test(boundary)) {
    throw badForm(
      'The Content-Type header needs one `boundary` of 1 to 70 characters. Let your HTTP client write this header itself.',
    );
  }
  return boundary;
}

/** For whoever sends another type to an endpoint that takes forms only. */
export function notAForm(): GatewayError {
  const message =
    'Send the request as a form: `Content-Type: multipart/form-data`, the file and each parameter as a part of it.';
  return new GatewayError('unsupported_media_type', message);
}

export function badForm(message: string): GatewayError {
  return new GatewayError('invalid_multipart', message);
}

function unquoted(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value;
}
