import { z } from 'zod';
import { gatewayConfig } from '#libs/contracts';

/** JSON Schema of modapi.yaml, for editors; `docs/modapi.schema.json` is this. */
export function gatewayConfigSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(gatewayConfig, { io: 'input' });
  return { ...schema, title: 'modapi.yaml', description: 'Configuration of the ModAPI gateway.' };
}
