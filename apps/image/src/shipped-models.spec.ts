import { describe, expect, it } from '@jest/globals';
import { buildCatalog } from '#libs/catalog';
import { gatewayConfig, imagesEdits, imagesGenerations, imagesVariations } from '#libs/contracts';
import { buildUpstreams, providers } from '#libs/providers';

const variables = { region: 'eu-west-1', project: 'p', location: 'l', account: 'a', resource: 'r', host: 'h.example' };
const ids = [...providers.values()]
  .filter(({ baseUrl, id }) => baseUrl !== null && id !== 'sandbox')
  .map(({ id }) => id);
const config = gatewayConfig.parse({
  apiVersion: 'modapi/v1',
  providers: Object.fromEntries(ids.map((id) => [id, { apiKey: 'env:KEY', variables }])),
});
const catalog = buildCatalog(config, { sandbox: false }).value;
const upstreams = buildUpstreams(config, { readSecret: () => 'key' }).value;

/** Models that their makers no longer serve, or whose requests OpenAI's API has no word for. */
const unreachable = [/^google\/imagen-/, /^black-forest-labs\/flux-pro-1\.0-expand$/];

describe('every shipped model that makes images', () => {
  const drawing: readonly string[] = [imagesGenerations.id, imagesEdits.id, imagesVariations.id];
  const deployments = catalog
    .list()
    .filter(({ endpoints }) => endpoints.some((id) => drawing.includes(id)))
    .flatMap((model) => model.deployments.map((deployment) => ({ ...deployment, endpoints: model.endpoints })));

  it('is passed on, or is known to the dialect of its provider', () => {
    expect(deployments.length).toBeGreaterThan(30);
    const unknown = deployments.filter(({ provider, upstreamModel, endpoints }) => {
      const upstream = upstreams.get(provider);
      const passes = endpoints.some((id) => drawing.includes(id) && upstream?.passes(id));
      return !passes && upstream?.provider.dialect?.draws?.(upstreamModel) === undefined;
    });
    const unexpected = unknown.map(({ id }) => id).filter((id) => !unreachable.some((pattern) => pattern.test(id)));
    expect(unexpected).toEqual([]);
  });
});
