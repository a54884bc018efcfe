import type { Provider } from '../provider.js';

/** Where a request of a dialect really goes. */
export interface DialectRoute {
  readonly pool: string;
  readonly origin: string;
  /** With its query. */
  readonly path: string;
  /** The vendor's host, where the operator's base URL stands in for it. */
  readonly forwardedHost: string | undefined;
}

/**
 * Whether the provider's own data name the origin of `url`. `{name}` in them is filled from the configuration's variables;
 * `https://*.vendor.example` stands for every host below a domain, as vendors' stores of results have them.
 */
export function isDialectOrigin(
  url: URL,
  { baseUrl, dialect }: Pick<Provider, 'baseUrl' | 'dialect'>,
  variables: Readonly<Record<string, string>>,
): boolean {
  const named = baseUrl === null || baseUrl === '' ? [] : [baseUrl];
  return [...named, ...(dialect?.origins ?? [])].some((pattern) => covers(filled(pattern, variables), url));
}

/** As for base URLs: any other value could move the host, and with it our credential. */
const variableValue = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;

function filled(pattern: string, variables: Readonly<Record<string, string>>): string | undefined {
  let isWhole = true;
  const text = pattern.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = variables[name] ?? '';
    isWhole &&= variableValue.test(value);
    return value;
  });
  return isWhole ? text : undefined;
}

function covers(pattern: string | undefined, url: URL): boolean {
  const wildcard = '://*.';
  if (pattern === undefined) return false;
  if (!pattern.includes(wildcard)) return URL.canParse(pattern) && new URL(pattern).origin === url.origin;
  const [scheme, domain] = pattern.split(wildcard) as [string, string];
  return url.protocol === `${scheme}:` && url.port === '' && url.hostname.endsWith(`.${domain}`);
}
