import { isIPv6 } from 'node:net';

/** Up to the quote or bracket around it, without the full stop behind it. */
const url = /(?<![\w+.-])[a-z][a-z\d+.-]{1,15}:\/\/(?:[^\s"'`<>()[\]{}]|\[[^\s\]]*\])+(?<![.,;:!?])/gi;
const ipv4 = /(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?::\d{1,5})?(?!\w|\.\d)/g;
const ipv6Like = /(?<![\w:.])[\da-f]{0,4}(?::[\da-f]{0,4}){2,8}(?:(?:\.\d{1,3}){3})?(?:%\w+)?(?!\w)/gi;
const hostAndPort = /(?<![\w.-])(?:localhost|[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}):\d{2,5}(?![\w:])/gi;
const internalHost = /(?<![\w.-])[\w-]+(?:\.[\w-]+)*\.(?:internal|local|localdomain|lan|intranet|corp)(?![\w-]|\.\w)/gi;
/** Ids are told from words such as `org-wide` by a digit or a capital. */
const accountId = /(?<![\w-])(?:org|proj|acct|sk|rk|pk)[-_](?=[\w-]*[\dA-Z])[\w-]{6,}/g;

/** An upstream's text without what tells of its inside or of our account there: URLs, addresses, hosts, account ids. */
export function withoutPrivate(text: string): string {
  return text
    .replaceAll(url, '[url]')
    .replaceAll(ipv6Like, withoutIpv6)
    .replaceAll(ipv4, '[address]')
    .replaceAll(hostAndPort, '[address]')
    .replaceAll(internalHost, '[address]')
    .replaceAll(accountId, '[redacted]');
}

/** Times and `a::b` of a program look alike; a colon behind the address belongs to the sentence. */
function withoutIpv6(candidate: string): string {
  const address = candidate.replace(/(?<!:):$/, '');
  if (!/\d/.test(address) || !isIPv6(address)) return candidate;
  return `[address]${candidate.slice(address.length)}`;
}
