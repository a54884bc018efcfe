import type { z } from 'zod';

/** Client parameters that would steer the gateway's own upstream call in other gateways; refused, not ignored. */
const forbiddenParameters = new Set(['api_base', 'base_url', 'api_key', 'organization', 'headers', 'extra_headers']);

/** A check of every request's schema. */
export function refuseForbidden(payload: z.core.ParsePayload<object>): void {
  for (const key in payload.value) {
    if (!isForbiddenParameter(key)) continue;
    const message = 'is not accepted from a request: providers and their keys are the operator’s to configure';
    const params = { code: 'forbidden_parameter' };
    payload.issues.push({ code: 'custom', input: payload.value, path: [key], message, params });
  }
}

function isForbiddenParameter(key: string): boolean {
  return forbiddenParameters.has(key) || key.startsWith('user_api_key_') || key.startsWith('litellm_');
}
