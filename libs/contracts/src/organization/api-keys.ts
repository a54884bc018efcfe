import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { displayName, integer, oneOf } from './fields.js';
import { listQuery } from './paging.js';
import { defineOrganizationRoute } from './route.js';

/** At most ten years. */
export const keyLifetime = integer(1, 315_360_000);

const modelForm = 'must be a model id, or the beginning of one followed by *';
const modelPattern = z.string(modelForm).regex(/^[\w.:/@+-]{1,200}\*?$/, modelForm);
const addressForm = 'must be an IP address or a CIDR range';
const addressRange = z.string(addressForm).max(64, addressForm).refine(isAddressRange, addressForm);
const listOf = <Item extends z.ZodType>(item: Item, most: number) => {
  const form = `must be a list of 1 to ${most}`;
  return z.array(item, form).min(1, form).max(most, form);
};
const limit = integer(1, 2_147_483_647).nullable();

/** What the maker of a key may restrict; null or absent: not restricted. */
export const keyRights = {
  models: listOf(modelPattern, 200).nullable().optional(),
  ip_allow_list: listOf(addressRange, 100).nullable().optional(),
  requests_per_minute: limit.optional(),
  tokens_per_minute: limit.optional(),
  max_concurrency: limit.optional(),
};

const scopesForm = 'must be a list of words';
/** OpenAI's scopes. There are none here: whatever is asked for but none is refused, never ignored. */
export const keyScopes = z.array(z.string(scopesForm).max(200, scopesForm), scopesForm).max(100, scopesForm).optional();

/** Body of `projects.api_keys.create`. */
export const createApiKeyBody = z.strictObject({
  name: displayName,
  expires_in_seconds: keyLifetime.nullable().optional(),
  /** Unix seconds; instead of `expires_in_seconds`. */
  expires_at: integer(1, 253_402_300_799).nullable().optional(),
  ...keyRights,
});

/** Body of `projects.api_keys.update`: an absent field stays, null lifts the restriction. */
export const updateApiKeyBody = z.strictObject({
  name: displayName.optional(),
  /** From now on. */
  expires_in_seconds: keyLifetime.optional(),
  scopes: keyScopes,
  ...keyRights,
});

/** Body of `projects.api_keys.rotate`. */
export const rotateApiKeyBody = z.strictObject({
  /** How long the old key still works. */
  overlap_seconds: integer(0, 2_592_000).default(86_400),
  /** Of the new key; absent: it expires when the old one would have. */
  expires_in_seconds: keyLifetime.optional(),
});

/** Query of `projects.api_keys.list`. */
export const listApiKeysQuery = z.strictObject({
  ...listQuery.shape,
  owner_project_access: oneOf(['active', 'inactive', 'any']).default('any'),
});

const keysPath = '/v1/organization/projects/:project_id/api_keys';
const keyPath = `${keysPath}/:api_key_id`;

/** Keys that call models. */
export const apiKeyRoutes = [
  defineOrganizationRoute({
    id: 'projects.api_keys.list',
    method: 'GET',
    path: keysPath,
    access: 'admin',
    query: listApiKeysQuery,
    summary: 'Lists the API keys of a project that are not revoked.',
  }),
  defineOrganizationRoute({
    id: 'projects.api_keys.create',
    method: 'POST',
    path: keysPath,
    access: 'admin',
    body: createApiKeyBody,
    summary: 'Makes an API key; its `value` is shown this once.',
  }),
  defineOrganizationRoute({
    id: 'projects.api_keys.retrieve',
    method: 'GET',
    path: keyPath,
    access: 'admin',
    summary: 'An API key of a project.',
  }),
  defineOrganizationRoute({
    id: 'projects.api_keys.update',
    method: 'POST',
    path: keyPath,
    access: 'admin',
    body: updateApiKeyBody,
    summary: 'Changes what an API key may do; an absent field stays, null lifts a restriction.',
  }),
  defineOrganizationRoute({
    id: 'projects.api_keys.rotate',
    method: 'POST',
    path: `${keyPath}/rotate`,
    access: 'admin',
    body: rotateApiKeyBody,
    summary: 'Makes a key with the same rights; the old one works on for `overlap_seconds`.',
  }),
  defineOrganizationRoute({
    id: 'projects.api_keys.delete',
    method: 'DELETE',
    path: keyPath,
    access: 'admin',
    summary: 'Revokes an API key everywhere, at once and for good.',
  }),
];

const prefixBits = { 4: 32, 6: 128 } as const;

/** An IPv4 or IPv6 address, or one with a prefix length; no zone, which means something on one machine only. */
function isAddressRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if ((version !== 4 && version !== 6) || address.includes('%') || rest.length > 0) return false;
  if (prefix === undefined) return true;
  if (!/^(0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > prefixBits[version]) return false;
  // What decides later must be able to read it.
  new BlockList().addSubnet(address, Number(prefix), version === 4 ? 'ipv4' : 'ipv6');
  return true;
}
