import { GatewayError } from '#libs/contracts';
import { AddressRules } from './address-rules.js';

/** `refused` says why, as the end of a sentence about the URL. */
export type MediaUrlCheck =
  | { readonly url: URL; readonly refused?: undefined }
  | { readonly url?: undefined; readonly refused: string };

const maxUrlLength = 8_192;
/** As it must be written: readers disagree about what else may stand before the host, and a provider may be one of them. */
const plainStart = /^https?:\/\/(?:[^/?#@\\]+)(?:[/?#]|$)/i;
// eslint-disable-next-line no-control-regex -- control characters are what is refused
const unreadable = /[\u0000-\u0020\u007f\\]/;
/** Last labels of names that are not of the public internet. */
const privateEndings: ReadonlySet<string> = new Set([
  ...['localhost', 'local', 'localdomain', 'internal', 'intranet', 'private', 'corp', 'home', 'lan', 'svc', 'cluster'],
  ...['arpa', 'onion', 'invalid', 'test'],
]);

/** Whether the text is a `data:` URL; those are read by `readDataUrl`, not fetched. */
export function isDataUrl(text: string): boolean {
  return /^data:/i.test(text);
}

/**
 * Judges a caller's URL by its text alone: what it names must be able to be a public web server. Where a name leads is
 * judged when it is called. With ranges that the operator opened, names and ports are left to that.
 */
export function checkMediaUrl(text: string, rules = AddressRules.publicOnly): MediaUrlCheck {
  if (text.length > maxUrlLength) return { refused: `it is longer than ${maxUrlLength} characters` };
  if (!/^https?:/i.test(text)) return { refused: 'it is neither http nor https' };
  if (unreadable.test(text)) return { refused: 'it holds white space, control characters or a backslash' };
  if (/^https?:\/\/[^/?#]*@/i.test(text)) return { refused: 'it holds a user name or password' };
  if (!plainStart.test(text) || !URL.canParse(text)) return { refused: 'it is not a URL' };
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return { refused: 'it holds a user name or password' };
  const problem = hostProblem(url, rules);
  return problem === undefined ? { url } : { refused: problem };
}

/** The URL, or `image_url_not_allowed`. */
export function requireMediaUrl(text: string, param: string, rules = AddressRules.publicOnly): URL {
  const { url, refused } = checkMediaUrl(text, rules);
  if (url) return url;
  throw urlNotAllowed(param, refused);
}

/** What the caller hears of a URL that may not be called. */
export function urlNotAllowed(param: string, why: string): GatewayError {
  const message = `The URL in \`${param}\` cannot be used: ${why}. Send a public http or https URL, or the content itself as a base64 data URL.`;
  return new GatewayError('image_url_not_allowed', message, { param });
}

/** Ports of the web; another one is some other service. */
export function isWebPort(port: string): boolean {
  return port === '' || port === '80' || port === '443';
}

/** The address in a URL's host, or undefined for a name. WHATWG has normalised every spelling of IPv4 by now. */
export function addressIn({ hostname }: URL): string | undefined {
  if (hostname.startsWith('[')) return hostname.slice(1, -1);
  return /^\d+(?:\.\d+){3}$/.test(hostname) ? hostname : undefined;
}

function hostProblem(url: URL, rules: AddressRules): string | undefined {
  const address = addressIn(url);
  const verdict = address === undefined ? undefined : rules.judge(address);
  if (verdict === 'refused') return 'its address is private or reserved';
  const isPort = isWebPort(url.port) || verdict === 'listed' || (address === undefined && rules.isOpened);
  if (!isPort) return 'its port is neither 80 nor 443';
  if (address !== undefined || rules.isOpened) return undefined;
  const labels = url.hostname.replace(/\.+$/, '').split('.');
  const isPrivate = labels.length < 2 || labels.includes('') || privateEndings.has(labels.at(-1) as string);
  return isPrivate ? 'its host is a name of a private network' : undefined;
}
