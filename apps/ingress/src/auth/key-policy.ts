import { BlockList, isIP } from 'node:net';
import { GatewayError, type KeyPolicy } from '#libs/contracts';

/** Parsed once per policy, which lives as long as its key is cached. */
const parsed = new WeakMap<KeyPolicy, BlockList>();

/** Throws `ip_not_allowed` unless the key may be used from this address. */
export function assertAddressAllowed(policy: KeyPolicy, address: string): void {
  if (policy.ipAllowList === null) return;
  const known = parsed.get(policy) ?? addressList(policy.ipAllowList);
  parsed.set(policy, known);
  if (contains(known, address)) return;
  throw new GatewayError(
    'ip_not_allowed',
    "This API key may not be used from your address. Call from an allowed one, or have the key's list changed.",
  );
}

/** Throws `model_not_allowed` unless the key may call this model. */
export function assertModelAllowed(policy: KeyPolicy, model: string): void {
  if (isModelAllowed(policy, model)) return;
  const message = `This API key may not call \`${model}\`. Use a model of its list (GET /v1/models), or have the list changed.`;
  throw new GatewayError('model_not_allowed', message, { param: 'model' });
}

/** `openai/*` allows all that begin so. */
export function isModelAllowed({ models }: KeyPolicy, model: string): boolean {
  if (models === null) return true;
  return models.some((allowed) => (allowed.endsWith('*') ? model.startsWith(allowed.slice(0, -1)) : allowed === model));
}

/** Addresses and CIDR ranges; what is neither is left out. */
export function addressList(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (isIP(address) === 0) continue;
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/** An IPv4 address that came over an IPv6 socket is the same address. */
export function contains(list: BlockList, address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
  const family = isIP(plain);
  return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4');
}
