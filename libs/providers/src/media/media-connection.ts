import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { buildConnector, Client } from 'undici';
import type { AddressRules } from './address-rules.js';
import { isWebPort } from './media-url.js';

/** All addresses of a name; rejects where it has none. */
export type ResolveName = (name: string) => Promise<readonly LookupAddress[]>;

/** A name leads where nobody may be sent. No address in it: that would tell strangers what our names lead to. */
export class AddressRefusedError extends Error {
  constructor() {
    super('the name leads to an address that may not be called');
    this.name = 'AddressRefusedError';
  }
}

export interface MediaConnectionOptions {
  readonly rules: AddressRules;
  readonly resolve: ResolveName;
  readonly timeoutMs: number;
}

const maxHeaderBytes = 16 * 1024;

/**
 * A connection to the origin of `url` that can only lead to an address that was judged: the name is resolved once, by us,
 * while connecting, and the socket gets the very addresses that were judged. A name that changes its mind later
 * (rebinding) has nobody who asks it again.
 */
export function openMediaConnection(url: URL, { rules, resolve, timeoutMs }: MediaConnectionOptions): Client {
  const mayCall = (address: string) => {
    const verdict = rules.judge(address);
    return verdict === 'listed' || (verdict === 'public' && isWebPort(url.port));
  };
  const connector = buildConnector({ timeout: timeoutMs, lookup: judgedLookup(resolve, mayCall) });
  return new Client(url.origin, {
    pipelining: 1,
    allowH2: false,
    maxHeaderSize: maxHeaderBytes,
    connect: (options, callback) =>
      connector(options, (...[error, socket]) => {
        if (error !== null) callback(error, null);
        // An address in the URL itself was never looked up; nothing is sent to where this socket should not be.
        else if (mayCall(socket.remoteAddress ?? '')) callback(null, socket);
        else callback(new AddressRefusedError(), (socket.destroy(), null));
      }),
  });
}

function judgedLookup(resolve: ResolveName, mayCall: (address: string) => boolean): LookupFunction {
  return (name, options, callback) => {
    resolve(name).then(
      (addresses) => {
        const [first] = addresses;
        // One private address among public ones is how a name passes a check and is then called elsewhere.
        if (!first || !addresses.every(({ address }) => mayCall(address))) callback(new AddressRefusedError(), '');
        else if (options.all) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error('no address'), ''),
    );
  };
}
