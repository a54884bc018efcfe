import { createGoogleVertex } from '@ai-sdk/google-vertex';
import type { DialectSettings } from '../dialect.js';

const expressUrl = 'https://aiplatform.googleapis.com/v1/publishers/google';

/**
 * Vertex AI with an access token where the configuration names a project, else in express mode with an API key. The
 * package is always told of a key: without one it would look for credentials of the machine.
 */
export function vertexClient({ fetch, secret = '', variables }: DialectSettings) {
  const { project, location = 'global' } = variables;
  if (project === undefined) return createGoogleVertex({ apiKey: secret || 'none', baseURL: expressUrl, fetch });
  const baseURL = `https://${hostOf(location)}/v1beta1/projects/${encodeURIComponent(project)}/locations/${location}/publishers/google`;
  return createGoogleVertex({ apiKey: 'none', baseURL, fetch: withToken(fetch, secret) });
}

function hostOf(location: string): string {
  if (location === 'global') return 'aiplatform.googleapis.com';
  if (location === 'eu' || location === 'us') return `aiplatform.${location}.rep.googleapis.com`;
  return `${location}-aiplatform.googleapis.com`;
}

function withToken(fetch: typeof globalThis.fetch, token: string): typeof globalThis.fetch {
  return (input, init) => {
    const headers = new Headers(init?.headers);
    headers.delete('x-goog-api-key');
    headers.set('authorization', `Bearer ${token}`);
    return fetch(input, { ...init, headers });
  };
}
