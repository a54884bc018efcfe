import ipaddr from 'ipaddr.js';
import { z } from 'zod';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = readonly [Address, number];

/** `listed`: the operator opened its range, whatever it is. */
export type AddressVerdict = 'public' | 'listed' | 'refused';

const octet = '(?:0|[1-9]\\d{0,2})';
const rangeText = new RegExp(`^(?:${octet}(?:\\.${octet}){3}|[\\da-f:.]*:[\\da-f:.]*)/\\d+$`, 'i');

/** In the ranges of the public internet by the registries, and yet no server of the public. */
const neverPublic = [
  // Azure's platform address: metadata, DNS, health.
  '168.63.129.16/32',
  // RFC 9637: documentation.
  '3fff::/20',
].map(parseRange);
/** IPv6 is handed out from here only; tunnels and translations into IPv4 have ranges of their own within. */
const globalUnicast = parseRange('2000::/3');

/** Which addresses may be called at a stranger's word. */
export class AddressRules {
  /** The public internet and nothing else. */
  static readonly publicOnly = new AddressRules([]);

  /** Every address: for what the operator named, never for what a stranger did. */
  static readonly anywhere = AddressRules.parse('0.0.0.0/0, ::/0');

  private constructor(private readonly listed: readonly Range[]) {}

  /** Public addresses, and the ranges in a list such as `10.1.0.0/16, fd12::/48`. Throws an `Error` that names what is none. */
  static parse(list: string): AddressRules {
    const entries = list.split(/[\s,]+/).filter((entry) => entry !== '');
    return new AddressRules(entries.map(parseRange));
  }

  /** The operator opened some range: names and ports that look private may be meant. */
  get isOpened(): boolean {
    return this.listed.length > 0;
  }

  /** Of an address as the system writes it, without brackets. */
  judge(text: string): AddressVerdict {
    // A zone names one of our own network interfaces.
    if (text.includes('%') || !ipaddr.isValid(text)) return 'refused';
    const address = ipaddr.parse(text);
    if (this.listed.some((range) => isWithin(address, range))) return 'listed';
    if (address.range() !== 'unicast' || neverPublic.some((range) => isWithin(address, range))) return 'refused';
    return address.kind() === 'ipv4' || isWithin(address, globalUnicast) ? 'public' : 'refused';
  }
}

/** As an environment variable has them; empty: the public internet only. */
export const addressRules = z
  .string()
  .default('')
  .transform((list, context) => {
    try {
      return AddressRules.parse(list);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'is no list of ranges' });
      return z.NEVER;
    }
  });

function isWithin(address: Address, [base, bits]: Range): boolean {
  return address.kind() === base.kind() && address.match(base, bits);
}

function parseRange(text: string): Range {
  const whole = text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`;
  // Short, octal and hexadecimal spellings mean different ranges to different readers.
  if (!rangeText.test(whole) || !ipaddr.isValidCIDR(whole)) {
    throw new Error(`"${text}" is not a range of addresses; write it as 10.1.0.0/16 or fd12::/48`);
  }
  return ipaddr.parseCIDR(whole);
}
