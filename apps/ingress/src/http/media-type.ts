import { GatewayError } from '#libs/contracts';

const parameter = /;\s*([\w!#$%&'*+.^`|~-]+)=("(?:[^"\\]|\\.)*"|[\w!#$%&'*+.^`|~-]+)\s*/y;

/** A problem unless the content type is JSON in UTF-8. */
export function jsonTypeProblem(contentType: string | undefined): GatewayError | undefined {
  if (contentType === 'application/json') return undefined;
  const semicolon = contentType?.indexOf(';') ?? -1;
  const type = semicolon < 0 ? contentType : contentType?.slice(0, semicolon);
  if (contentType === undefined || type?.trimEnd().toLowerCase() !== 'application/json' || /\t/.test(contentType)) {
    return new GatewayError('unsupported_media_type', 'Send the body as JSON with `Content-Type: application/json`.');
  }
  return semicolon < 0 ? undefined : parametersProblem(contentType, semicolon);
}

function parametersProblem(contentType: string, from: number): GatewayError | undefined {
  parameter.lastIndex = from;
  for (let at = from; at < contentType.length; at = parameter.lastIndex) {
    const match = parameter.exec(contentType);
    if (!match) return new GatewayError('unsupported_media_type', 'The Content-Type header is malformed.');
    const charset = match[2]?.replaceAll('"', '').toLowerCase();
    if (match[1]?.toLowerCase() === 'charset' && charset !== 'utf-8' && charset !== 'utf8') {
      return new GatewayError('unsupported_charset', 'Send the body in UTF-8.');
    }
  }
  return undefined;
}

/** A problem unless the body comes as it is or gzipped once. */
export function encodingProblem(encoding: string | undefined): GatewayError | undefined {
  if (encoding === undefined || encoding === 'identity' || isGzip(encoding)) return undefined;
  return new GatewayError('unsupported_encoding', 'Send the body uncompressed or with `Content-Encoding: gzip`.');
}

export function isGzip(encoding: string | undefined): boolean {
  return encoding !== undefined && encoding.toLowerCase() === 'gzip';
}
